//! A store of the tiny study, for tests that change what it says.
#![allow(dead_code, reason = "every test file uses a part of this")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{TINY, equisplit, failure, study_file};

/// A finished store of the tiny study, tuned where `tuned` says so.
pub struct Made {
    pub folder: tempfile::TempDir,
    study: String,
}

impl Made {
    pub fn new(tuned: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = TINY.replace("seeds = 2", "seeds = 1").replace("epochs = 3", "epochs = 2");
        let tuning = "[tuning]\nlearning_rate = [0.001, 0.005]\n\n[training]";
        let text = if tuned { text.replace("[training]", tuning).replace("learning_rate = 0.005\n", "") } else { text };
        let study = study_file(folder.path(), &text);
        let made = Self { folder, study };
        made.run();
        made
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub fn store(&self) -> PathBuf {
        self.out().join("tiny")
    }

    pub fn path(&self, file: &str) -> String {
        self.store().join(file).to_str().unwrap().to_owned()
    }

    pub fn command(&self) -> assert_cmd::Command {
        let mut command = equisplit();
        command.current_dir(self.folder.path()).args(["run", &self.study, "--out", self.out().to_str().unwrap()]);
        command
    }

    /// Runs the study and returns what was told.
    pub fn run(&self) -> String {
        let output = self.command().output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        told
    }

    pub fn refused(&self) -> String {
        failure(&["run", &self.study, "--out", self.out().to_str().unwrap()])
    }

    pub fn read(&self, file: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.store().join(file)).unwrap()).unwrap()
    }

    pub fn write(&self, file: &str, value: &Value) {
        std::fs::write(self.store().join(file), value.to_string()).unwrap();
    }

    /// The errors of some commands on the store whose study.json has `value` at `pointer`; all of them must be refusals.
    pub fn with(&self, pointer: &str, value: Value) -> Vec<String> {
        let record = self.read("study.json");
        let mut changed = record.clone();
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        self.write("study.json", &changed);
        let store = self.store().to_str().unwrap().to_owned();
        let figures = self.folder.path().join("figures").to_str().unwrap().to_owned();
        let commands = [
            vec!["show", &store],
            vec!["attribute", &store],
            vec!["figures", &store, "--out", &figures],
            vec!["table", &store],
            vec!["check", "--store", &store],
        ];
        let errors = commands.iter().map(|command| failure(command)).collect();
        assert!(!Path::new(&figures).exists());
        self.write("study.json", &record);
        errors
    }
}
