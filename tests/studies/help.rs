//! Help where people look for it: completions and manual pages.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::{equisplit, failure};

const COMMANDS: [&str; 6] = ["run", "attribute", "figures", "check", "expand", "completions"];

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = equisplit().args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    equisplit().args(["completions", "csh"]).assert().code(2);
}

#[test]
fn bash_takes_its_completions() {
    let script = equisplit().args(["completions", "bash"]).output().unwrap().stdout;
    let Ok(mut bash) = Command::new("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        eprintln!("skipped: there's no bash");
        return;
    };
    let asked =
        b"\nCOMP_WORDS=(equisplit fig) COMP_CWORD=1\n_equisplit equisplit fig equisplit\necho ${COMPREPLY[@]}\n";
    bash.stdin.take().unwrap().write_all(&[script.as_slice(), asked].concat()).unwrap();
    let answer = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap().trim(), "figures");
}

#[test]
fn there_is_a_manual_page_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    equisplit().arg("man").arg(&pages).assert().success();
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("equisplit.1").contains(".TH"));
    for command in COMMANDS {
        let page = page(&format!("equisplit-{command}.1"));
        assert!(page.contains(&format!("equisplit\\-{command}")) && page.contains("OPTIONS"), "{page}");
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(failure(&["man", folder.path().join("file").to_str().unwrap()]).contains("file"));
}
