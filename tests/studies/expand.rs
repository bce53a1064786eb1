//! `equisplit expand` on arrays computed by other packages, and on what isn't right.

use std::path::Path;

use crate::common::{equisplit, failure};
use candle_core::Tensor;

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// The filters that the program writes.
fn expand(bank: &str, options: &[(&str, String)]) -> Tensor {
    let folder = tempfile::tempdir().unwrap();
    let out = path(folder.path(), "filters.npy");
    let options = options.iter().flat_map(|(name, value)| [*name, value]);
    equisplit().args(["expand", "--bank", bank, "--out", &out]).args(options).assert().success().stdout("");
    equisplit::npy::read(Path::new(&out)).unwrap()
}

fn entries(tensor: &Tensor) -> (Vec<usize>, Vec<f32>) {
    (tensor.dims().to_vec(), tensor.flatten_all().unwrap().to_vec1().unwrap())
}

#[test]
fn group_filters_are_groupys_bit_for_bit() {
    let golden = crate::common::golden("groupy");
    for case in ["z2_p4_k3", "z2_p4_k4", "p4_p4_k3", "p4_p4_k4", "z2_p4m_k3", "p4m_p4m_k3"] {
        let bank = &case[..case.len() - 3];
        let found = expand(bank, &[("--weight", path(&golden, &format!("{case}.weight.npy")))]);
        let expected = Tensor::read_npy(golden.join(format!("{case}.filters.npy"))).unwrap();
        assert_eq!(entries(&found), entries(&expected), "{case}");
    }
}

#[test]
fn repeated_filters_are_the_authors() {
    let golden = crate::common::golden("repeat");
    for (bank, case, shape) in [
        ("repeat-linear", "linear_4x3_to_8x9", "8,9"),
        ("repeat-mask", "mask_4x3_to_8x6", ""),
        ("repeat-mask", "mask_4x3_to_10x7", "10,7"),
        ("repeat-swish", "swish_4x3_to_8x9", ""),
        ("repeat-swish", "swish_6x1_to_12x1", "12,1"),
    ] {
        let file = |part: &str| path(&golden, &format!("{case}.{part}.npy"));
        let mut options = vec![("--weight", file("base"))];
        options.extend((bank == "repeat-mask").then(|| ("--mask", file("mask"))));
        options.extend((bank == "repeat-swish").then(|| ("--alpha", file("alpha"))));
        options.extend((bank == "repeat-swish").then(|| ("--beta", file("beta"))));
        options.extend((!shape.is_empty()).then(|| ("--shape", shape.to_owned())));
        let (found, expected) =
            (entries(&expand(bank, &options)), entries(&Tensor::read_npy(file("filters")).unwrap()));
        assert_eq!(found.0, expected.0, "{case}");
        let tolerance = if bank == "repeat-swish" { 1e-6 } else { 0.0 };
        for (found, expected) in found.1.iter().zip(expected.1) {
            assert!((found - expected).abs() <= tolerance * expected.abs(), "{case}: {found} {expected}");
        }
    }
}

/// Banks without arrays of other packages: what the library makes of the same tensors and draws.
#[test]
fn every_bank_expands_as_in_a_network() {
    use equisplit::bank::{BankConfig, Site, families};
    use equisplit::group::{PointGroup, Representation};
    for name in families().iter().map(BankConfig::name) {
        let folder = tempfile::tempdir().unwrap();
        let bank = BankConfig::named(name).unwrap();
        let group = bank.symmetry().map_or_else(PointGroup::trivial, |symmetry| symmetry.point_group());
        let input = if group.order() > 1 { Representation::Regular } else { Representation::Trivial };
        let rescaled = if bank.rescales() { [4, 6] } else { [2, 3] };
        let site = Site {
            layer: "conv2",
            widths: [2, 3],
            rescaled,
            kernel: 3,
            input,
            group: &group,
            is_borrowed: false,
            seed: 5,
        };
        let bank = bank.bank(&site).unwrap();
        let (mut values, mut options) = (Vec::new(), Vec::new());
        for parameter in bank.parameters() {
            let value = Tensor::rand(-1f32, 1.0, parameter.shape.as_slice(), &candle_core::Device::Cpu).unwrap();
            let file = folder.path().join(format!("{}.npy", parameter.name));
            equisplit::npy::write(&file, &value).unwrap();
            let file = file.to_str().unwrap().to_owned();
            options.push(match values.len() {
                0 => ("--weight", file),
                _ => ("--tensor", format!("{}={file}", parameter.name)),
            });
            values.push(value);
        }
        options.extend((rescaled == [4, 6]).then(|| ("--shape", "6,4".to_owned())));
        if name.ends_with("steerable") || name == "band-limited" {
            options.push(("--kernel", "3".to_owned()));
        }
        if name.starts_with("scrambled") {
            options.extend([("--seed", "5".to_owned()), ("--layer", "conv2".to_owned())]);
        }
        assert_eq!(entries(&expand(name, &options)), entries(&bank.filters(&values).unwrap()), "{name}");
    }
}

#[test]
fn what_is_not_right_is_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| path(folder.path(), name);
    let weight = Tensor::arange(0f32, 36.0, &candle_core::Device::Cpu).unwrap();
    equisplit::npy::write(folder.path().join("w.npy").as_path(), &weight.reshape((2, 2, 3, 3)).unwrap()).unwrap();
    equisplit::npy::write(folder.path().join("flat.npy").as_path(), &weight).unwrap();
    let bytes = std::fs::read(file("w.npy")).unwrap();
    std::fs::write(file("short.npy"), &bytes[..bytes.len() - 4]).unwrap();
    std::fs::write(file("empty.npy"), "").unwrap();
    std::fs::write(file("text.npy"), "no array").unwrap();
    let (w, out) = (file("w.npy"), file("out.npy"));
    let refused = |bank: &str, options: &[&str]| {
        let error = failure(&[&["expand", "--bank", bank, "--out", &out], options].concat());
        assert!(!Path::new(&out).exists());
        error
    };
    assert!(refused("z2_p4", &["--weight", &file("none.npy")]).contains("none.npy: No such file"));
    assert!(refused("z2_p4", &["--weight", &file("short.npy")]).contains("short.npy: 140 bytes"));
    assert!(refused("z2_p4", &["--weight", &file("empty.npy")]).contains("empty.npy: "));
    assert!(refused("z2_p4", &["--weight", &file("text.npy")]).contains("text.npy: "));
    assert!(refused("z2_p4", &["--weight", &file("flat.npy")]).contains("flat.npy: shape [36]"));
    assert!(refused("p4_p4", &["--weight", &w]).contains("(out, in, 4, k, k)"));
    assert!(refused("repeat-linear", &["--weight", &w, "--shape", "0,4"]).contains("is 0"));
    assert!(refused("repeat-linear", &["--weight", &w, "--shape", "18446744073709551615,4"]).contains("at most"));
    // Sizes are known before anything is made or read of them: 10 GB of filters, 2 GB of a file that has none of it on disk.
    let large = refused("repeat-linear", &["--weight", &w, "--shape", "16384,16384"]);
    assert!(large.contains("2415919104 numbers; at most 268435456"), "{large}");
    let header = format!("{:<117}\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 20000, 25000), }");
    std::fs::write(file("sparse.npy"), [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes()].concat()).unwrap();
    std::fs::File::options().write(true).open(file("sparse.npy")).unwrap().set_len(128 + 4 * 500_000_000).unwrap();
    assert!(refused("z2_p4", &["--weight", &file("sparse.npy")]).contains("at most 268435456 entries"));
    let swish = refused("repeat-swish", &["--weight", &w, "--alpha", &w, "--beta", &w]);
    assert!(swish.contains("w.npy: shape [2, 2, 3, 3], but expected 2 dimensions for alpha"), "{swish}");
    let mask = refused("repeat-mask", &["--weight", &w, "--mask", &file("flat.npy")]);
    assert!(mask.contains("flat.npy: shape [36], but expected 4 dimensions for sign"), "{mask}");
    let mask = refused("repeat-mask", &["--weight", &w, "--mask", &w, "--shape", "4,4"]);
    assert!(mask.contains("sign has the shape [2, 2, 3, 3], but this bank takes [4, 4, 3, 3]"), "{mask}");
    let unwritable = file("w.npy/filters.npy");
    assert!(failure(&["expand", "--bank", "z2_p4", "--weight", &w, "--out", &unwritable]).contains("w.npy"));
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (w, out) = (path(folder.path(), "w.npy"), path(folder.path(), "out.npy"));
    let sign = format!("sign={w}");
    let cases: [(&str, &[&str], &str); 13] = [
        ("p5", &[], "invalid value 'p5'"),
        ("z2_p4", &["--mask", &w], "--mask is of no use to z2_p4"),
        ("p4_p4", &["--alpha", &w], "--alpha is of no use to p4_p4"),
        ("repeat-linear", &[], "repeat-linear needs --shape"),
        ("repeat-linear", &["--shape", "4"], "--shape takes two numbers"),
        ("repeat-swish", &["--alpha", &w], "repeat-swish needs --beta"),
        ("repeat-mask", &["--shape", "4,4"], "repeat-mask needs --mask"),
        ("repeat-drop", &["--shape", "4,4"], "repeat-drop needs --tensor lot=T.npy"),
        ("repeat-drop", &["--key", "kept=0.5"], "repeat-drop has no key kept"),
        ("repeat-mask", &["--mask", &w, "--tensor", &sign], "--mask is given twice"),
        ("scrambled", &["--seed", "1"], "scrambled needs --seed and --layer"),
        ("p4", &["--layer", "conv1"], "p4 takes no --seed or --layer"),
        ("free", &["--shape", "4,4"], "--shape is of no use to free"),
    ];
    for (bank, options, wanted) in cases {
        let arguments = [&["expand", "--bank", bank, "--weight", &w, "--out", &out], options].concat();
        let output = equisplit().args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(wanted), "{error}");
    }
}
