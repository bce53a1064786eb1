//! The shape of the source: no circles of files, no module that uses one above it, no long files.
//!
//! What a file uses is read from its `use`s and the paths in its code, and followed through `pub use` to the file that has it. A
//! module and its submodules may use each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A file with more lines is about more than one thing.
const MOST_LINES: usize = 400;

/// A path in a file's code: its names, what its end is called there, and whether it's exported.
type Found = (Vec<String>, String, bool);

/// The modules that each module uses, by their paths as in `a::b`; the crate's root has none.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// All Rust files below a folder.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.extension() {
        Some(extension) if extension == "rs" => vec![path],
        _ if path.is_dir() => files(path),
        _ => Vec::new(),
    };
    entries.flat_map(below).collect()
}

/// The modules of the crate with their texts.
fn source() -> Vec<(String, String)> {
    let module = |path: &PathBuf| {
        let path = path.strip_prefix("src").unwrap().with_extension("");
        let names: Vec<&str> = path.iter().map(|name| name.to_str().unwrap()).collect();
        names.into_iter().filter(|name| !matches!(*name, "mod" | "lib")).collect::<Vec<_>>().join("::")
    };
    files("src".into()).iter().map(|path| (module(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// The paths in a file's code, without its tests.
fn paths(text: &str) -> Vec<Found> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: Vec<&str> = code.lines().filter_map(|line| line.split("//").next()).collect();
    let apart = |c: char| if c.is_alphanumeric() || "_:".contains(c) { c.to_string() } else { format!(" {c} ") };
    let code: String = code.join("\n").replace("::", " :: ").chars().map(apart).collect();
    let tokens: Vec<&str> = code.split_whitespace().collect();
    let mut paths = Vec::new();
    for (n, &token) in tokens.iter().enumerate() {
        let before = if n > 0 { tokens[n - 1] } else { "" };
        if token == "use" {
            tree(&tokens, n + 1, Vec::new(), matches!(before, "pub" | ")"), &mut paths);
        } else if matches!(token, "crate" | "super" | "self") && !matches!(before, "::" | "use") {
            tree(&tokens, n, Vec::new(), false, &mut paths);
        }
    }
    paths
}

/// Reads a path, or several as in `a::{b, c as d}`, from the `n`-th token on; returns the place after it.
fn tree(tokens: &[&str], n: usize, mut path: Vec<String>, exported: bool, paths: &mut Vec<Found>) -> usize {
    let token = |n: usize| tokens.get(n).copied().unwrap_or(";");
    match token(n) {
        "{" => {
            let mut end = n;
            while !matches!(token(end), "}" | ";") {
                end = tree(tokens, end + 1, path.clone(), exported, paths);
            }
            return end + 1;
        }
        // The end of a path that has arguments, or of a list.
        other if !other.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
            paths.push((path, other.to_owned(), exported));
            return n + usize::from(other == "*");
        }
        "self" if !path.is_empty() => {}
        name => path.push(name.to_owned()),
    }
    match token(n + 1) {
        "::" => return tree(tokens, n + 2, path, exported, paths),
        "as" => paths.push((path, token(n + 2).to_owned(), exported)),
        _ => paths.push((path.clone(), path.last().cloned().unwrap_or_default(), exported)),
    }
    n + if token(n + 1) == "as" { 3 } else { 1 }
}

/// What the modules with these texts use.
fn uses(texts: &[(String, String)]) -> Uses {
    let modules: BTreeSet<&str> = texts.iter().map(|(module, _)| module.as_str()).collect();
    let (mut all, mut exports) = (Vec::new(), BTreeMap::new());
    for (module, text) in texts {
        for (path, name, is_exported) in paths(text) {
            let Some(path) = absolute(&path, module, &modules) else { continue };
            if is_exported {
                exports.insert(format!("{module}::{name}"), path.clone());
            }
            all.push((module, path));
        }
    }
    let mut uses: Uses = modules.iter().map(|module| ((*module).to_owned(), BTreeSet::new())).collect();
    for (module, path) in all {
        let owner = owner(&path, &modules, &exports);
        uses.entry(module.clone()).or_default().extend(owner.filter(|owner| owner != module));
    }
    uses
}

/// The path from the crate's root; `None` of what isn't in it.
fn absolute(path: &[String], module: &str, modules: &BTreeSet<&str>) -> Option<Vec<String>> {
    let mut start: Vec<String> = module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let is_marked = |name: &&String| matches!(name.as_str(), "crate" | "self" | "super");
    let marks = path.iter().take_while(is_marked).count();
    match path.first()?.as_str() {
        "crate" => start.clear(),
        "super" => start.truncate(start.len().checked_sub(marks)?),
        "self" => {}
        child if modules.contains([&start.join("::"), child].join("::").trim_start_matches("::")) => {}
        _ => return None,
    }
    Some([&start, &path[marks..]].concat())
}

/// The module that has what a path leads to; `None` where that's the crate's root.
fn owner(path: &[String], modules: &BTreeSet<&str>, exports: &BTreeMap<String, Vec<String>>) -> Option<String> {
    let length = (1..=path.len()).rev().find(|&n| modules.contains(path[..n].join("::").as_str())).unwrap_or(0);
    let module = path[..length].join("::");
    let exported = path.get(length).and_then(|name| exports.get(&format!("{module}::{name}")));
    exported.map_or((length > 0).then_some(module), |path| owner(path, modules, exports))
}

/// Modules that lead back to themselves, otherwise than by a submodule and what holds it.
fn circles(uses: &Uses) -> BTreeSet<BTreeSet<&str>> {
    let holds = |outer: &str, inner: &str| inner.starts_with(&format!("{outer}::"));
    let next = |from: &str| {
        let used = uses.get(from).into_iter().flatten().map(String::as_str);
        used.filter(|to| !from.is_empty() && !holds(from, to) && !holds(to, from)).collect::<Vec<_>>()
    };
    let reached = |from: &str| {
        let (mut reached, mut left) = (BTreeSet::new(), next(from));
        while let Some(module) = left.pop() {
            left.extend(if reached.insert(module) { next(module) } else { Vec::new() });
        }
        reached
    };
    let all: BTreeMap<&str, BTreeSet<&str>> = uses.keys().map(|from| (from.as_str(), reached(from))).collect();
    let circle = |from: &&str| all[from].iter().copied().filter(|to| all[to].contains(from)).collect::<BTreeSet<_>>();
    all.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
}

#[test]
fn what_a_file_uses_is_found() {
    let texts = [
        ("", "pub mod a;\npub use a::{Deep, high::High as Top};"),
        ("a", "mod deep;\npub use deep::{self, Deep};"),
        (
            "a::deep",
            "use super::{high::{High, lower as l}};\n// crate::b::No\n#[cfg(test)]\nmod tests { use crate::c; }",
        ),
        ("a::high", "use std::io::{self, Write};\nfn f() { crate::b::g::<u8>() }"),
        ("b", "use crate::{Top, a::Deep};\nfn g() { super::c::h() }"),
        ("c", "use self::d::*;"),
        ("c::d", "use super::h;"),
    ];
    let found = uses(&texts.map(|of| (of.0.to_owned(), of.1.to_owned())));
    let of = |module: &str| found[module].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!([of("a::deep"), of("a::high"), of("c")], [["a::high"], ["b"], ["c::d"]]);
    assert_eq!(of("b"), ["a::deep", "a::high", "c"]);
    assert_eq!(circles(&found), BTreeSet::from([BTreeSet::from(["a::deep", "a::high", "b"])]));
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    assert_eq!(circles(&uses(&source())), BTreeSet::new());
}

#[test]
fn no_module_uses_one_above_it() {
    let source = source();
    // The crate's own documentation has the layers, the highest first; the program's files lie above them all.
    let (_, root) = source.iter().find(|(module, _)| module.is_empty()).unwrap();
    let rows = root.lines().filter_map(|line| line.strip_prefix("//! | [`")?.split(" |").next());
    let names = |row: &str| row.replace("mod@", "").replace(['[', ']', '`'], "");
    let layers: Vec<String> = ["main, cli".to_owned()].into_iter().chain(rows.map(names)).collect();
    let layer = |module: &str| {
        let name = module.split("::").next().unwrap_or_default();
        let place = layers.iter().position(|layer| layer.split(", ").any(|known| known == name));
        place.unwrap_or_else(|| panic!("{module} is of no layer: {layers:?}"))
    };
    for (from, all) in uses(&source).iter().filter(|(from, _)| !from.is_empty()) {
        let above: Vec<&String> = all.iter().filter(|to| layer(to) < layer(from)).collect();
        assert!(above.is_empty(), "{from} uses {above:?}");
    }
}

#[test]
fn no_file_is_long() {
    let all = ["src", "tests", "examples", "benches"].into_iter().flat_map(|folder| files(folder.into()));
    let is_long = |path: &PathBuf| std::fs::read_to_string(path).unwrap().lines().count() > MOST_LINES;
    assert_eq!(all.filter(is_long).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}
