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

/// A network that no paper has: a strided stem, two blocks with a pool between them, a hidden matrix product.
const MINE: &str = r#"base = 3
steps = [
  { conv = { kernel = 4, stride = 2, padding = 1, activation = "elu" } },
  { residual = { steps = [
    { conv = { kernel = 3, padding = 1, width = 1.5, dropout = 0.1 } },
    { conv = { kernel = 3, padding = 1, norm = "none", activation = "none", bias = true } },
  ] } },
  { pool = { size = 4, stride = 2, padding = 1 } },
  { repeat = { times = 2, steps = [
    { residual = { activation = "swish", steps = [{ conv = { kernel = 3, padding = 1, width = 2 } }] } },
  ] } },
  { group-pool = "mean" },
  { global-pool = "mean" },
  { linear = { width = 4, norm = "field", activation = "leaky-relu" } },
  { linear = { width = "classes" } },
]
"#;

/// A study of two epochs of `mine`, by a table of its own or a file.
fn study(model: &str) -> String {
    let arms = ["z2", "repeat-swish", "scrambled", "p4"].map(|name| {
        let size = if name == "p4" || name == "scrambled" { "width = 2.0" } else { "match = \"p4\"" };
        format!("[[arm]]\nname = {name:?}\n{size}\n")
    });
    format!(
        "name = \"mine\"\nbaseline = \"z2\"\ntarget = \"p4\"\nseeds = 2\n\n[data]\nsource = \"builtin\"\ntrain = 96\ntest = 64\n\n\
         [training]\nepochs = 2\nbatch = 32\n\n{model}\n{}",
        arms.join("\n")
    )
}

#[test]
fn a_network_of_ones_own_goes_from_toml_to_figures() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let table = format!("[skeleton.own]\n{MINE}\n[model]\nskeleton = \"own\"\n");
    std::fs::write(path("table.toml"), study(&table)).unwrap();
    std::fs::write(path("own.toml"), MINE).unwrap();
    std::fs::write(path("file.toml"), study("[model]\nskeleton = \"own.toml\"\n")).unwrap();
    let params = |name: &str| equisplit().args(["params", &path(name), "--json"]).output().unwrap();
    let budgets = params("table.toml");
    assert!(budgets.status.success(), "{}", String::from_utf8_lossy(&budgets.stderr));
    assert_eq!(budgets.stdout, params("file.toml").stdout, "a table and a file");
    let out = path("out");
    let run = |args: &[&str]| {
        let output = equisplit().args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["run", &path("table.toml"), "--out", &out, "--jobs", "2"]);
    let store = path("out/mine");
    // The store says all that determines the networks: neither file is needed again.
    std::fs::remove_file(path("table.toml")).unwrap();
    assert!(run(&["reproduce", &store]).contains("the predictions on record"));
    let checked = run(&["check", "--store", &store]);
    for said in ["block1", "shortcut", "linear2"] {
        assert!(checked.contains(said), "{checked}");
    }
    run(&["figures", &store, "--out", &path("figures")]);
    let drawn: Vec<String> = std::fs::read_dir(path("figures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for figure in ["filters-p4", "cayley-p4", "errors"] {
        assert!(drawn.iter().any(|name| name.starts_with(figure)), "{figure} among {drawn:?}");
    }
    run(&["report", &store, "--out", &path("report.html")]);
    assert!(std::fs::read_to_string(path("report.html")).unwrap().contains("mine"));
}

#[test]
fn what_is_wrong_with_a_studys_skeleton_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study.toml");
    let path = file.to_str().unwrap();
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        failure(&["params", path])
    };
    let good = study(&format!("[model]\nskeleton = \"own\"\n\n[skeleton.own]\n{MINE}"));
    let line = |part: &str| 1 + good[..good.find(part).unwrap()].matches('\n').count();
    let changed = |from: &str, to: &str, place: &str| {
        assert!(good.contains(from), "{from}");
        let error = refused(&good.replacen(from, to, 1));
        (error, format!("study.toml:{}: ", line(place)))
    };
    let check = |from: &str, to: &str, place: &str, said: &str| {
        let (error, line) = changed(from, to, place);
        assert!(error.contains(&line) && error.contains(said), "{from} → {to}: {error}, not {line}{said}");
    };
    let pool = "{ pool = { size = 4, stride = 2, padding = 1 }";
    check(pool, "{ pool = { sise = 4 }", "{ pool", "unknown field `sise`");
    check(pool, "{ pool = { size = 30 }", "{ pool", "pool3: 14×14 pixels reach it");
    let shrinks = "block1: no 1×1 convolution of stride 1, as the main branch's, leads from";
    check("{ conv = { kernel = 3, padding = 1, norm", "{ conv = { kernel = 3, norm", "{ residual", shrinks);
    let inner = "{ conv = { kernel = 3, padding = 1, norm";
    check(inner, "{ conv = { kernel = 33, padding = 1, norm", inner, "block1.conv3: 14×14 pixels reach it");
    check(
        "{ repeat = { times = 2",
        "{ repeat = { times = 1000000",
        "{ repeat",
        "times = 1000000, but it must be 1 to 1000",
    );
    let error = refused(&good.replacen("width = 2.0", "width = 0.1", 1));
    assert!(error.contains("conv1: its width is 0, but it must be 1 to"), "{error}");
    let error = refused(&good.replacen("width = 2.0", "width = -1", 1));
    assert!(error.contains("width = -1, but it must be above 0"), "{error}");
    let error = refused(&good.replacen("skeleton = \"own\"", "skeleton = \"onw\"", 1));
    assert!(error.contains("unknown skeleton \"onw\"; there are own, cohen2016"), "{error}");
    let error = refused(&good.replacen("skeleton = \"own\"", "skeleton = \"none.toml\"", 1));
    assert!(error.contains("study.toml:16: no skeleton file") && error.contains("none.toml"), "{error}");
    let error = refused(&good.replacen("[skeleton.own]", "[skeleton.vgg4]", 1));
    assert!(error.contains("the program has a skeleton \"vgg4\""), "{error}");
    let error = refused(&good.replace("  { linear = { width = \"classes\" } },\n", ""));
    assert!(error.contains("not to a number for every class"), "{error}");
    // A matrix product may take pixels, but not those of any image.
    let pixels = folder.path().join("pixels.toml");
    std::fs::write(&pixels, MINE.replace("  { global-pool = \"mean\" },\n", "")).unwrap();
    let pixels = pixels.to_str().unwrap();
    assert!(told(&[pixels, "--size", "28"]).contains("linear2"));
    let error = failure(&["skeleton", pixels, "--size", "4000", "--base", "500"]);
    assert!(error.contains("pixels.toml:13: linear1: a matrix product of 1000×1000 pixels"), "{error}");
}

#[test]
fn a_study_to_start_from_runs_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let init = |args: &[&str]| equisplit().current_dir(folder.path()).arg("init").args(args).output().unwrap();
    let written = init(&["first", "--skeleton", "lenet"]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let file = folder.path().join("first.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.matches('#').count() > 10 && text.lines().all(|line| line.len() < 140), "{text}");
    // Not twice.
    let again = init(&["first"]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("is there already"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    // Whole, but for what takes long.
    let short = text.replace("seeds = 5 ", "seeds = 2 ").replace("epochs = 10", "epochs = 1");
    assert_ne!(short, text);
    std::fs::write(&file, short).unwrap();
    let out = folder.path().join("out");
    equisplit().arg("run").arg(&file).arg("--out").arg(out).assert().success();
    for (n, source) in ["mnist", "mnist-rot", "amat", "npz"].into_iter().enumerate() {
        for skeleton in ["cohen2016", "repeatnet2021", "resnet16-cifar", "wrn28"] {
            let output = init(&[&format!("study-{n}-{skeleton}"), "--skeleton", skeleton, "--source", source]);
            assert!(output.status.success(), "{source} {skeleton}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    // Images of several sizes need one, and what turns can't map onto itself is told at once.
    let lines = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let sized = init(&["sized", "--source", "images", "--resize", "29"]);
    assert!(sized.status.success() && lines("sized.toml").contains("\nresize = 29 "), "{}", lines("sized.toml"));
    let told = String::from_utf8(sized.stderr).unwrap();
    assert!(told.contains("p4 can't be equivariant") && told.contains("1×29×29"), "{told}");
    assert!(init(&["plain", "--source", "images"]).status.success() && lines("plain.toml").contains("\n# resize = "));
    let refused = |args: &[&str]| {
        let output = init(args);
        assert!(!output.status.success(), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    // Five pools are too many for the program's digits.
    assert!(refused(&["deep", "--skeleton", "vgg11"]).contains("pool10: 1×1 pixels reach it"));
    assert!(!folder.path().join("deep.toml").exists());
    assert!(refused(&["a/b"]).contains("can't name a folder"));
    assert!(refused(&["x", "--skeleton", "vgg12"]).contains("unknown skeleton"));
}
