//! What several test files need.
#![allow(dead_code, reason = "every test file uses a part of this")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// A folder of data that isn't part of the project; tests that need it say so and pass when it's missing.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder);
    if !path.is_dir() {
        eprintln!("skipped: {} isn't there", path.display());
        return None;
    }
    Some(path)
}

/// A folder of arrays that other programs have computed.
pub fn golden(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden").join(folder)
}

/// The canonical MNIST files in a folder of our own, since decoded sets are kept beside their source.
pub fn mnist() -> Option<tempfile::TempDir> {
    let source = shared("data/mnist")?;
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        // Content only: the copies must be writable, the originals aren't.
        std::fs::write(folder.path().join(path.file_name().unwrap()), std::fs::read(&path).unwrap()).unwrap();
    }
    Some(folder)
}

/// The program.
pub fn equisplit() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_equisplit"));
    command.env_remove("RUST_BACKTRACE");
    command
}

/// Runs the program and checks that it fails with exit code 1 and one line on standard error, which is returned.
pub fn failure(args: &[&str]) -> String {
    let output = equisplit().args(args).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
    let told: Vec<&str> = error.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(told.len(), 1, "{args:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
    told[0].to_owned()
}

/// A study of tiny networks: four arms, two seeds, seconds in all.
pub const TINY: &str = r#"
name = "tiny"
baseline = "z2"
target = "p4"
ladder = ["z2", "scrambled", "p4"]
seeds = 2

[data]
source = "builtin"
train = 96
test = 64

[training]
epochs = 3
batch = 32
learning_rate = 0.005
augmentation = { rotate = true, flip = true }

[[arm]]
name = "z2"
match = "p4"

[[arm]]
name = "repeat-mask"
width = 4
dropout = 0.1

[[arm]]
name = "scrambled"
width = 3

[[arm]]
name = "p4"
width = 3
"#;

/// Writes a study file and returns its path.
pub fn study_file(folder: &Path, text: &str) -> String {
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// All results below a store, without what differs between identical runs: how they were made, and a checkpoint's
/// metadata.
pub fn results(store: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![store.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // What was set aside is no result.
            let aside = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("set-aside-"));
            if path.is_dir() {
                folders.extend((!aside).then_some(path));
                continue;
            }
            if path.file_name().is_some_and(|name| name == ".lock") {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let content = match path.extension().and_then(|e| e.to_str()) {
                Some("toml") => bytes,
                Some("jsonl") => lines_without_times(&bytes),
                Some("json") => without_times(serde_json::from_slice(&bytes).unwrap()).into_bytes(),
                Some("safetensors") => tensors(&bytes),
                _ => panic!("unexpected file {}", path.display()),
            };
            files.push((path.strip_prefix(store).unwrap().to_owned(), content));
        }
    }
    files.sort();
    files
}

fn without_times(mut value: serde_json::Value) -> String {
    if let Some(object) = value.as_object_mut() {
        for key in ["seconds", "provenance", "maker"] {
            object.remove(key);
        }
    }
    value.to_string()
}

fn lines_without_times(bytes: &[u8]) -> Vec<u8> {
    let lines = std::str::from_utf8(bytes).unwrap().lines();
    lines.map(|line| without_times(serde_json::from_str(line).unwrap()) + "\n").collect::<String>().into_bytes()
}

fn tensors(bytes: &[u8]) -> Vec<u8> {
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let mut names = file.names();
    names.sort();
    names.into_iter().flat_map(|name| [name.as_bytes(), file.tensor(name).unwrap().data()].concat()).collect()
}
