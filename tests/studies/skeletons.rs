//! `equisplit skeleton`: what comes with the program, files of one's own, and what is wrong with them.

use crate::common::{equisplit, failure};

fn told(args: &[&str]) -> String {
    let output = equisplit().arg("skeleton").args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn skeletons_of_the_program_are_listed_and_shown() {
    let list = told(&[]);
    for name in ["cohen2016", "repeatnet2021", "resnet16-cifar", "resnet18", "vgg4", "vgg11"] {
        assert!(list.lines().any(|line| line.starts_with(name) && line.len() > 40), "{list}");
    }
    let shown = told(&["resnet16-cifar"]);
    assert!(shown.lines().last().unwrap().contains("175,258"), "{shown}");
    let group = told(&["resnet16-cifar", "--bank", "p4", "--base", "8", "--size", "33"]);
    assert!(group.contains("block3.shortcut") && group.contains("17×17"), "{group}");
    assert!(told(&["cohen2016", "--size", "28x32", "--json"]).contains("\"parameters\""));
}

#[test]
fn the_text_of_one_is_a_file_that_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, told(&["vgg6", "--text"])).unwrap();
    assert_eq!(told(&[file.to_str().unwrap()]), told(&["vgg6"]));
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let path = file.to_str().unwrap();
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        failure(&["skeleton", path, "--size", "28"])
    };
    let good = "base = 8\nsteps = [\n  { conv = { kernel = 3 } },\n  { global-pool = \"mean\" },\n  { linear = { width = \"classes\" } },\n]\n";
    std::fs::write(&file, good).unwrap();
    assert!(told(&[path, "--size", "28"]).contains("conv1"));
    assert!(failure(&["skeleton", path]).contains("say --size"));
    let changed = |from: &str, to: &str| refused(&good.replace(from, to));
    let error = changed("kernel = 3", "kernle = 3");
    assert!(error.contains("mine.toml:3: ") && error.contains("kernle") && error.contains("`kernel`"), "{error}");
    let error = changed("{ conv =", "{ cnov =");
    assert!(error.contains("mine.toml:3: ") && error.contains("cnov"), "{error}");
    let error = changed("kernel = 3", "kernel = 40");
    assert!(error.contains("mine.toml:3: conv1: 28×28 pixels reach it"), "{error}");
    let error = changed("  { global-pool = \"mean\" },\n", "  { pool = { size = 0 } },\n");
    assert!(error.contains("mine.toml:4: pool1: "), "{error}");
    let error = changed("\"classes\"", "2");
    assert!(error.contains("not to a number for every class"), "{error}");
    let error = changed("\"classes\"", "\"clases\"");
    assert!(error.contains("mine.toml:5: "), "{error}");
    let error = changed("base = 8", "base = \"8\"");
    assert!(error.contains("mine.toml:1: "), "{error}");
    assert!(changed("base = 8", "base = -8").contains("base = -8, but it must be above 0"));
    assert!(failure(&["skeleton", "vgg12"]).contains("neither a file nor a skeleton of the program (cohen2016"));
    assert!(failure(&["skeleton", path, "--bank", "p5", "--size", "28"]).contains("unknown bank"));
}

#[test]
fn the_example_of_the_documentation_is_a_network() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/skeletons.md")).unwrap();
    let text = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, text).unwrap();
    for bank in ["free", "p4", "repeat-swish"] {
        assert!(told(&[file.to_str().unwrap(), "--bank", bank]).contains("block2"), "{bank}");
    }
}
