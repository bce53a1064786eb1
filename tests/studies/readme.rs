//! The README's examples are studies that the program takes.

use crate::common::{equisplit, study_file};

#[test]
fn the_examples_resolve_as_printed() {
    let readme = include_str!("../../README.md");
    let blocks: Vec<&str> = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let study = blocks.iter().find(|block| block.starts_with("name = ")).expect("a whole study");
    let arms = blocks.iter().find(|block| block.starts_with("[[arm]]")).expect("arms to add");
    let folder = tempfile::tempdir().unwrap();
    for text in [study.to_string(), format!("{study}\n{arms}")] {
        equisplit().args(["params", &study_file(folder.path(), &text)]).assert().success();
    }
}

#[test]
fn the_studies_under_experiments_resolve() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let studies: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    assert!(studies.len() >= 7, "{studies:?}");
    for study in studies {
        equisplit().arg("params").arg(study).assert().success();
    }
}
