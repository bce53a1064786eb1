//! Studies of rescaled networks: presets on a skeleton of their own, and what is refused.

use crate::common::{equisplit, failure};

const HEAD: &str =
    "name = \"s\"\nbaseline = \"z2\"\ntarget = \"rep\"\nseeds = 1\n[data]\nsource = \"builtin\"\npad = 32\n";

fn study(folder: &std::path::Path, model: &str, arm: &str) -> String {
    let path = folder.join("s.toml");
    let z2 = "[[arm]]\nname = \"z2\"\nskeleton = \"vgg4\"\nwidth = 4\n";
    std::fs::write(&path, format!("{HEAD}{model}\n{z2}[[arm]]\nname = \"rep\"\n{arm}\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn presets_bring_their_skeleton_and_refuse_others() {
    let folder = tempfile::tempdir().unwrap();
    let params = |model: &str, arm: &str| {
        let output = equisplit().args(["params", &study(folder.path(), model, arm)]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let vgg = "[model]\nskeleton = \"vgg11\"\n";
    let table = params("", "preset = \"rep-vgg4\"\nwidth = 4");
    assert_eq!(table, params(vgg, "preset = \"rep-vgg4\"\nwidth = 4"));
    assert!(table.contains("4 4 8 8 16 16 32 32 32 32"), "{table}");
    let own = params(vgg, "preset = \"repeat-mask\"\nwidth = 4\nscale = 1\nfilters_of = { conv4 = \"conv3\" }");
    assert!(own.contains("repeat-mask"), "{own}");
    for (model, arm, part) in [
        (
            "[model]\nskeleton = \"cohen2016\"\n",
            "preset = \"rep-vgg4\"",
            "rep-vgg4 is a preset on the skeleton vgg11, not on cohen2016",
        ),
        ("", "preset = \"rep-resnet16\"\nbank = \"p4\"", "rep-resnet16 is for repeat-linear"),
        ("", "preset = \"rep-vgg3\"", "rep-vgg4"),
        (vgg, "preset = \"z2\"\nfilters_of = { conv4 = \"conv3\" }", "filters_of is for repeat-linear"),
        (
            vgg,
            "preset = \"repeat-mask\"\nfilters_of = { conv40 = \"conv3\" }",
            "vgg11 has no convolution conv40, but conv1, conv2",
        ),
        (
            vgg,
            "preset = \"repeat-mask\"\nfilters_of = { conv4 = \"conv5\" }",
            "there's no such convolution before this one; there are conv1, conv2, conv3",
        ),
    ] {
        let error = failure(&["params", &study(folder.path(), model, arm)]);
        assert!(error.contains(part) && error.contains("s.toml:"), "{arm}: {error}");
    }
}
