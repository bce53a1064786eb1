//! Which commit the build script says that the program is built from.

use std::path::Path;
use std::process::Command;

#[allow(dead_code, reason = "cargo runs its main")]
#[path = "../../build.rs"]
mod script;

use script::{head_log, revision};

fn git(folder: &Path, args: &[&str]) -> String {
    let settings = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").arg("-C").arg(folder).args(settings).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_crate_knows_the_commit_of_its_own_repository_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (own, vendored) = (folder.path(), folder.path().join("vendor/equisplit"));
    assert_eq!((revision(own), head_log(own)), (None, None));

    git(own, &["init", "--quiet"]);
    std::fs::create_dir_all(&vendored).unwrap();
    for file in [own.join("Cargo.toml"), vendored.join("Cargo.toml")] {
        std::fs::write(file, "[package]\n").unwrap();
    }
    git(own, &["add", "."]);
    git(own, &["commit", "--quiet", "--message", "all"]);
    let commit = git(own, &["rev-parse", "HEAD"]);
    assert_eq!(revision(own), Some(commit.clone()));
    assert!(head_log(own).unwrap().is_file());
    assert_eq!((revision(&vendored), head_log(&vendored)), (None, None));

    std::fs::write(own.join("Cargo.toml"), "[package]\nname = \"n\"\n").unwrap();
    assert_eq!(revision(own), Some(format!("{commit}-modified")));
}
