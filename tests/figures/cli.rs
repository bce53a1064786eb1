//! The commands that make figures, tables and the page, on stores that the program made itself.

use std::path::Path;

use crate::common::{TINY, equisplit, failure, study_file};
use equisplit::data::{DataConfig, Dataset, Images, Source, cache, load};

/// Runs the tiny study with some seeds; returns its store.
fn store(folder: &Path, seeds: &str) -> String {
    let text = TINY.replace("seeds = 2", seeds);
    let out = folder.join("runs");
    equisplit().args(["run", &study_file(folder, &text), "--out", out.to_str().unwrap()]).assert().success();
    out.join("tiny").to_str().unwrap().to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_store_becomes_figures_a_page_and_tables() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), "seeds = 2");
    let out = folder.path().join("figures");
    let out = out.to_str().unwrap();
    equisplit().args(["figures", &store, "--out", out]).assert().success();
    let stems = [
        "attribution",
        "budget",
        "cayley-p4",
        "errors",
        "filters-p4",
        "filters-repeat-mask",
        "filters-scrambled",
        "information",
        "learning",
        "paired",
        "pairs",
    ];
    let all: Vec<String> =
        stems.iter().flat_map(|stem| ["pdf", "png", "svg"].map(|format| format!("{stem}.{format}"))).collect();
    assert_eq!(names(Path::new(out)), all);

    let page = folder.path().join("page.html");
    equisplit().args(["report", &store, "--out", page.to_str().unwrap()]).assert().success();
    let page = std::fs::read_to_string(page).unwrap();
    check_page(&page);
    // Whoever has the page can run the study again.
    assert!(page.replace("&quot;", "\"").contains(TINY.trim_end()), "the study file isn't on the page");

    for (format, start) in [("markdown", ""), ("csv", "study,kind,"), ("latex", "% ")] {
        let output = equisplit().args(["table", &store, "--format", format]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.starts_with(start) && text.contains("repeat-mask"), "{format}: {text}");
    }
}

#[test]
fn arms_can_be_chosen_and_the_rest_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), "seeds = 2");
    let out = folder.path().join("figures");
    let figures = ["figures", &store, "--out", out.to_str().unwrap(), "--format", "svg", "--arms"];
    equisplit().args(figures).arg("repeat-mask").assert().success();
    let drawn = names(&out);
    assert!(drawn.contains(&"filters-repeat-mask.svg".to_owned()), "{drawn:?}");
    assert!(!drawn.contains(&"filters-scrambled.svg".to_owned()), "{drawn:?}");
    for name in ["errors", "budget", "learning"] {
        let svg = std::fs::read_to_string(out.join(format!("{name}.svg"))).unwrap();
        for arm in ["z2", "repeat-mask", "p4"] {
            assert!(svg.contains(&format!(">{arm}<")), "{name} lacks {arm}");
        }
        assert!(!svg.contains(">scrambled<"), "{name} has scrambled");
    }
    let unknown = equisplit().args(figures).arg("repeat-mask,nosuch").output().unwrap();
    let told = String::from_utf8(unknown.stderr).unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    assert!(told.contains("no arm is called 'nosuch'; there are z2, "), "{told}");
}

/// The page has everything in it and asks for nothing.
fn check_page(page: &str) {
    for reference in ["src=", "href=", "<script", "@import", "<link"] {
        assert!(!page.contains(reference), "{reference}");
    }
    // Namespaces aren't fetched.
    assert!(!page.replace("http://www.w3.org/2000/svg", "").contains("http"), "an address");
    assert_eq!(page.matches("<svg").count(), 11);
    assert_eq!(page.matches("@font-face").count(), 2);
    for part in
        ["p4 against z2", "class=\"answer\"", "<table>", "learning_rate", "equisplit run STUDY.toml", "@media print"]
    {
        assert!(page.contains(part), "{part}");
    }
    let place = |part: &str| page.find(part).unwrap_or_else(|| panic!("{part}"));
    assert!(place("class=\"answer\"") < place("Before you trust it") && place("Before you trust it") < place("<svg"));
    // Black on white paper also where the page is dark.
    assert!(
        place("prefers-color-scheme:dark") < place("<svg") && !page.contains("prefers-color-scheme:dark){figure svg")
    );
    for svg in page.split("<svg").skip(1) {
        let first = &svg[svg.find("<rect").unwrap()..];
        assert!(first[..first.find("/>").unwrap()].contains("fill=\"#ffffff\""), "a figure without paper");
    }
    // The configuration is folded away, and every table is in one box with its caption.
    let folded = &page[place("<details>")..];
    assert!(folded.contains("learning_rate") && folded.find("learning_rate") < folded.find("</details>"));
    let tables = page.matches("<table>").count();
    assert_eq!(page.matches("<div class=\"table\"><p class=\"caption\">").count(), tables);
    assert!(page.contains(".table,tr{break-inside:avoid}") && page.contains("details{display:none}"));
    // A phone is told that the wide ones scroll.
    assert!(
        page.contains("class=\"cue\"")
            && page.contains("max-width:46rem){figure svg{max-width:none}.cue{display:block}")
    );
}

#[test]
fn what_is_shown_of_a_study_with_runs_left_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), "seeds = 2");
    // As if the program had been killed before it wrote the run's result.
    std::fs::remove_file(Path::new(&store).join("p4/seed-0/result.json")).unwrap();
    let warning = "7 of the study's 8 runs have ended; all that is shown rests on these";
    let out = folder.path().join("figures");
    let page = folder.path().join("page.html");
    let commands = [
        vec!["figures", &store, "--out", out.to_str().unwrap(), "--format", "svg"],
        vec!["report", &store, "--out", page.to_str().unwrap()],
    ];
    for command in commands {
        let output = equisplit().args(&command).output().unwrap();
        assert!(output.status.success());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(&format!("warning: {warning}")), "{command:?}: {told}");
    }
    for command in ["table", "attribute"] {
        let output = equisplit().args([command, &store]).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("Warning: not all runs have ended: p4 (1 of 2 runs)."), "{told}");
    }
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(warning));
    // Filters and maps are those of a run that was trained to its end.
    assert!(
        page.contains("first convolution of p4 (seed 1)") && page.contains("first convolution of scrambled (seed 0)")
    );
    let checked = equisplit().args(["check", "--store", &store, "--arm", "p4", "--json"]).output().unwrap();
    assert!(!String::from_utf8(checked.stderr).unwrap().contains("not finished"));
    std::fs::remove_file(Path::new(&store).join("p4/seed-1/result.json")).unwrap();
    let checked = equisplit().args(["check", "--store", &store, "--arm", "p4", "--json"]).output().unwrap();
    let told = String::from_utf8(checked.stderr).unwrap();
    assert!(told.contains("p4 seed 0: not finished; its weights are those after 3 of 3 epochs"), "{told}");
}

#[test]
fn one_seed_gives_figures_and_says_that_there_is_no_interval() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), "seeds = 1");
    let out = folder.path().join("svg");
    let out = out.to_str().unwrap();
    equisplit().args(["figures", &store, "--out", out, "--format", "svg"]).assert().success();
    let figure = std::fs::read_to_string(Path::new(out).join("attribution.svg")).unwrap();
    assert!(
        figure.contains("one seed gives no")
            && figure.contains("Gain not established")
            && !names(Path::new(out)).iter().any(|name| name.ends_with("png"))
    );
}

/// Makes a run look as if its training had diverged.
fn fail(result: &Path) {
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(result).unwrap()).unwrap();
    let fields = json.as_object_mut().unwrap();
    fields.retain(|key, _| !["test_error", "mistakes"].contains(&key.as_str()));
    fields.insert("status".to_owned(), "failed".into());
    fields.insert("reason".to_owned(), "the loss is NaN".into());
    std::fs::write(result, json.to_string()).unwrap();
}

#[test]
fn an_arm_that_failed_is_told_and_leaves_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), "seeds = 2");
    for seed in ["seed-0", "seed-1"] {
        fail(&Path::new(&store).join("scrambled").join(seed).join("result.json"));
    }
    let figures = folder.path().join("figures");
    equisplit().args(["figures", &store, "--out", figures.to_str().unwrap(), "--format", "svg"]).assert().success();
    let svg = |name: &str| std::fs::read_to_string(figures.join(name)).unwrap();
    assert_eq!(svg("errors.svg").matches(">failed<").count(), 1);
    assert!(!svg("budget.svg").contains(">scrambled<") && svg("budget.svg").contains(">repeat-mask<"));
    let table = equisplit().args(["table", &store]).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("- Warning: runs that failed count nowhere: scrambled (2 of 2 runs)."), "{table}");
    // Without one of its rungs the ladder is a single step.
    assert!(svg("attribution.svg").contains(">→ p4<"));
}

#[test]
fn a_study_whose_runs_all_failed_still_gives_figures_and_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace("learning_rate = 0.005", "learning_rate = 1e30");
    let out = folder.path().join("runs");
    equisplit().args(["run", &study_file(folder.path(), &text), "--out", out.to_str().unwrap()]).assert().failure();
    let store = out.join("tiny");
    let figures = folder.path().join("figures");
    let [store, out] = [&store, &figures].map(|path| path.to_str().unwrap());
    equisplit().args(["figures", store, "--out", out, "--format", "svg,png"]).assert().success();
    assert!(std::fs::read_to_string(figures.join("errors.svg")).unwrap().contains(">failed<"));
    let page = folder.path().join("page.html");
    equisplit().args(["report", store, "--out", page.to_str().unwrap()]).assert().success();
    assert!(std::fs::read_to_string(page).unwrap().contains("is not established"));
}

#[test]
fn what_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for command in [vec!["figures", path], vec!["report", path], vec!["table", path, "--format", "csv"]] {
        assert!(failure(&command).contains("not the store of a study"), "{command:?}");
    }
}

/// Coloured noise, as a decoded set.
fn coloured(file: &Path) {
    let images = |count: usize| {
        let pixels = (0..count * 3 * 28 * 28).map(|n| (n as u32).wrapping_mul(2_654_435_761) as f32 / u32::MAX as f32);
        Images {
            channels: 3,
            height: 28,
            width: 28,
            pixels: pixels.collect::<Vec<f32>>().into(),
            labels: (0..count as u16).map(|n| n % 10).collect(),
        }
    };
    let fingerprint = "0".repeat(64);
    let dataset = Dataset { name: "noise".to_owned(), fingerprint, classes: 10, train: images(32), test: images(32) };
    cache::write(&dataset, file).unwrap();
}

#[test]
fn images_with_several_channels_have_all_figures() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("coloured.safetensors");
    coloured(&data);
    let study = TINY.replace("train = 96\ntest = 64", "train = 32\ntest = 32").replace("epochs = 3", "epochs = 1");
    let (study, out) = (study_file(folder.path(), &study), folder.path().join("runs"));
    let args = ["run", &study, "--data", data.to_str().unwrap(), "--out", out.to_str().unwrap()];
    equisplit().args(args).assert().success();
    let (store, figures) = (out.join("tiny"), folder.path().join("figures"));
    let args = ["figures", store.to_str().unwrap(), "--out", figures.to_str().unwrap(), "--format", "svg"];
    equisplit().args(args).assert().success();
    assert_eq!(
        names(&figures),
        [
            "attribution.svg",
            "budget.svg",
            "errors.svg",
            "filters-p4.svg",
            "filters-repeat-mask.svg",
            "filters-scrambled.svg",
            "information.svg",
            "learning.svg",
            "paired.svg",
            "pairs.svg"
        ]
    );
    // Every channel of a filter has a row.
    let filters = std::fs::read_to_string(figures.join("filters-p4.svg")).unwrap();
    for said in [">1.3<", "a row for each of their channels"] {
        assert!(filters.contains(said), "{said}");
    }
    // With the images, their feature maps too.
    let with_images = [&args[..], &["--data", data.to_str().unwrap()]].concat();
    equisplit().args(with_images).assert().success();
    assert!(figures.join("cayley-p4.svg").is_file());
    let page = folder.path().join("page.html");
    equisplit().args(["report", store.to_str().unwrap(), "--out", page.to_str().unwrap()]).assert().success();
}

#[test]
fn pictures_of_networks_show_the_studys_own_images_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let set = |name: &str, seed| {
        let file = folder.path().join(name);
        let config = DataConfig { train: Some(96), test: Some(64), seed, ..DataConfig::new(Source::Builtin) };
        cache::write(&load(&config, None).unwrap(), &file).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (own, other) = (set("own.safetensors", 5), set("other.safetensors", 6));
    let study = TINY.replace("source = \"builtin\"", "source = \"mnist\"").replace("epochs = 3", "epochs = 1");
    let (study, out) = (study_file(folder.path(), &study), folder.path().join("runs"));
    let args = ["run", &study, "--data", &own, "--out", out.to_str().unwrap()];
    equisplit().args(args).assert().success();
    let store = out.join("tiny");
    let drawn = |data: &[&str]| {
        let figures = folder.path().join("figures");
        let args = ["figures", store.to_str().unwrap(), "--out", figures.to_str().unwrap(), "--format", "svg"];
        let output = equisplit().args(args).args(data).output().unwrap();
        assert!(output.status.success());
        let found = names(&figures).contains(&"cayley-p4.svg".to_owned());
        std::fs::remove_dir_all(&figures).unwrap();
        (found, String::from_utf8(output.stderr).unwrap())
    };
    let (found, told) = drawn(&[]);
    assert!(!found && told.contains("no pictures of feature maps") && told.contains("--data"), "{told}");
    let (found, told) = drawn(&["--data", &other]);
    assert!(!found && told.contains("no pictures of feature maps"), "{told}");
    let (found, told) = drawn(&["--data", &own]);
    assert!(found && !told.contains("no pictures"), "{told}");
    let page = folder.path().join("page.html");
    let args = ["report", store.to_str().unwrap(), "--data", &own, "--out", page.to_str().unwrap()];
    equisplit().args(args).assert().success();
    assert!(std::fs::read_to_string(page).unwrap().contains("the study's first test image"));
}

#[test]
fn sizes_of_the_training_set_are_a_figure_for_every_other_factor() {
    let folder = tempfile::tempdir().unwrap();
    let grid = "[grid]\ntrain = [96, 48]\npool_every_layer = [false, true]\n\n[[arm]]";
    let text = TINY.replacen("[[arm]]", grid, 1).replace("seeds = 2", "seeds = 1");
    let text = text.replace("ladder = [\"z2\", \"scrambled\", \"p4\"]", "").replace("epochs = 3", "epochs = 1");
    // Of the arms only those that can be pooled.
    let start = text.find("[[arm]]").unwrap();
    let arms = "[[arm]]\nname = \"z2\"\npreset = \"scrambled\"\nwidth = 2\n\n[[arm]]\nname = \"p4\"\nwidth = 2\n";
    let out = folder.path().join("runs");
    let study = study_file(folder.path(), &format!("{}{arms}", &text[..start]));
    equisplit().args(["run", &study, "--out", out.to_str().unwrap()]).assert().success();
    let figures = folder.path().join("figures");
    let store = out.join("tiny");
    let args = ["figures", store.to_str().unwrap(), "--out", figures.to_str().unwrap(), "--format", "svg"];
    equisplit().args(args).assert().success();
    let sizes: Vec<String> = names(&figures).into_iter().filter(|name| name.contains("training-size")).collect();
    assert_eq!(sizes, ["pool_every_layer-false.training-size.svg", "pool_every_layer-true.training-size.svg"]);
    let svg = std::fs::read_to_string(figures.join(&sizes[0])).unwrap();
    assert!(svg.contains(">48<") && svg.contains(">96<"), "ticks at the sizes that were studied");
    let csv = equisplit().args(["table", store.to_str().unwrap(), "--format", "csv"]).output().unwrap();
    let csv = String::from_utf8(csv.stdout).unwrap();
    assert_eq!(csv.matches("study,kind,").count(), 1, "one header for all cells: {csv}");
}
