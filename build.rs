//! Tells the program which commit it's built from.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let here = Path::new(".");
    println!("cargo::rustc-env=EQUISPLIT_REVISION={}", revision(here).unwrap_or_default());
    let sources = ["build.rs", "src", "Cargo.toml", "Cargo.lock"].map(PathBuf::from);
    for path in sources.into_iter().chain(head_log(here)).filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// The commit of a repository, with `-modified` where files have changed since.
pub fn revision(folder: &Path) -> Option<String> {
    own_repository(folder)?;
    git(folder, &["describe", "--always", "--abbrev=40", "--dirty=-modified", "--match="])
}

/// What git writes at every commit; its index would be written by `git status`, too, and build everything again.
pub fn head_log(folder: &Path) -> Option<PathBuf> {
    own_repository(folder)?;
    Some(folder.join(git(folder, &["rev-parse", "--git-path", "logs/HEAD"])?))
}

/// `Some` if a folder is the top level of a repository: a crate that lies somewhere in another's, vendored or unpacked from a
/// registry, knows no commit of its own.
fn own_repository(folder: &Path) -> Option<()> {
    let top = PathBuf::from(git(folder, &["rev-parse", "--show-toplevel"])?);
    (top.canonicalize().ok()? == folder.canonicalize().ok()?).then_some(())
}

/// What git prints in a folder; `None` without git, or outside a repository.
fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
    let output = Some(output).filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
