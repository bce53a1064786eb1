//! What the README and the pages in docs say is so: their studies resolve, and their commands run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::common::{equisplit, study_file};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// All pages for readers, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = std::fs::read_dir(Path::new(ROOT).join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<PathBuf> =
        ["README.md", "RESULTS.md"].map(|name| Path::new(ROOT).join(name)).into_iter().chain(docs).collect();
    assert!(pages.len() >= 9, "{pages:?}");
    let read = |path: PathBuf| (path.clone(), std::fs::read_to_string(path).unwrap());
    pages.into_iter().map(read).collect()
}

/// The blocks of a language in a page.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    page.split(&format!("```{language}\n")).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_examples_resolve_as_printed() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/studies.md")).unwrap();
    let blocks = blocks(&page, "toml");
    let study = blocks.iter().find(|block| block.starts_with("name = ")).expect("a whole study");
    let arms = blocks.iter().find(|block| block.starts_with("[[arm]]")).expect("arms to add");
    let folder = tempfile::tempdir().unwrap();
    for text in [study.to_string(), format!("{study}\n{arms}")] {
        equisplit().args(["params", &study_file(folder.path(), &text)]).assert().success();
    }
}

#[test]
fn the_studies_under_experiments_resolve() {
    let files = std::fs::read_dir(Path::new(ROOT).join("experiments")).unwrap().map(|entry| entry.unwrap().path());
    let studies: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    assert!(studies.len() >= 7, "{studies:?}");
    for study in studies {
        equisplit().arg("params").arg(study).assert().success();
    }
}

#[test]
fn links_lead_somewhere() {
    for (path, page) in pages() {
        let links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let file = link.split('#').next().unwrap();
            assert!(path.parent().unwrap().join(file).exists(), "{}: {link}", path.display());
        }
    }
}

/// The commands of all pages that need nothing but the program: those of blocks, and those within a line that have no
/// placeholder. Of `cargo run --release --` the program's own part.
fn commands() -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for (_, page) in pages() {
        let of_blocks = blocks(&page, "sh").into_iter().flat_map(str::lines);
        let within_lines = page
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| code.contains('/') && !code.contains(['\n', '…', '[', '|']));
        for line in of_blocks.chain(within_lines) {
            let words: Vec<String> =
                line.split_whitespace().take_while(|word| *word != "#").map(str::to_owned).collect();
            let own = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["cargo", "run", "--release", "--example", name, ..] => {
                    let example = Path::new(ROOT).join("examples");
                    let exists = ["", "/main"].iter().any(|end| example.join(format!("{name}{end}.rs")).exists());
                    assert!(exists, "{line}");
                    continue;
                }
                ["cargo", "run", "--release", "--", ..] => words[4..].to_vec(),
                ["equisplit", ..] => words[1..].to_vec(),
                _ => continue,
            };
            let is_placeholder =
                |word: &String| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase() || ".-_".contains(c));
            let is_whole = own.len() > 1 || own.first().is_some_and(|command| command == "check");
            if is_whole && !own.iter().any(|word| is_placeholder(word) || word.starts_with("STUDY")) {
                found.insert(own);
            }
        }
    }
    found
}

#[test]
fn every_command_runs() {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(ROOT).join("experiments"), &folder.path().join("experiments"));
    // What commands do with a store doesn't depend on how well its networks learned.
    let study = folder.path().join("experiments/quickstart.toml");
    let text = std::fs::read_to_string(&study).unwrap();
    let short = text.replace("seeds = 4", "seeds = 2").replace("epochs = 10", "epochs = 1");
    assert!(short.contains("seeds = 2") && short.contains("epochs = 1\n"), "{text}");
    std::fs::write(&study, short).unwrap();
    let run = |command: &[String]| {
        // What is at the publishers is looked at by the tests of data; here that the options are right.
        let help = command.starts_with(&["data", "fetch"].map(str::to_owned)).then_some("--help");
        let output = equisplit().current_dir(folder.path()).args(command).args(help).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!error.contains("panicked"), "{command:?}: {error}");
        (output.status.code(), error)
    };
    let quickstart = ["run", "experiments/quickstart.toml"].map(str::to_owned);
    let commands = commands();
    assert!(commands.contains(quickstart.as_slice()) && commands.len() > 20, "{commands:?}");
    assert_eq!(run(&quickstart).0, Some(0));
    for command in &commands {
        let (code, error) = run(command);
        match code {
            Some(0) => {}
            // MNIST's files are in no clone, nor is a GPU.
            Some(1) if command.iter().any(|word| word == "data/mnist") => {
                assert!(error.contains("data/mnist"), "{error}")
            }
            Some(1) if command.iter().any(|word| word == "cuda") => {}
            // The page says that the check finds a fault.
            Some(1) if command.ends_with(&["--size".to_owned(), "29".to_owned()]) => {}
            code => panic!("{command:?}: {code:?} {error}"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => assert!(std::fs::copy(&path, &target).is_ok()),
        }
    }
}
