//! Tells the program which commit it's built from.

use std::path::Path;
use std::process::Command;

fn main() {
    let describe = ["describe", "--always", "--abbrev=40", "--dirty=-modified", "--match="];
    println!("cargo::rustc-env=EQUISPLIT_REVISION={}", git(&describe).unwrap_or_default());
    // Not git's index, which `git status` writes, too: that would build everything again.
    let head = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|path| Path::new(path).exists());
    for path in ["build.rs", "src", "Cargo.toml", "Cargo.lock"].into_iter().chain(head.as_deref()) {
        println!("cargo::rerun-if-changed={path}");
    }
}

/// What git prints; `None` without git, or outside a repository.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
