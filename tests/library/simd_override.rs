//! What the library and the program do with `EQUISPLIT_SIMD`, which a process reads once: each value in a process of its own.

use std::process::Command;

use candle_core::{DType, Device, Tensor};
use equisplit::bench::{self, ConvolutionShape};
use equisplit::kernel::{self, FeatureMap, Workspace};
use equisplit::model::{InputShape, NetConfig, Network};
use equisplit::nn::{Mode, Weights};

/// Set for the processes that try the library.
const TRIAL: &str = "EQUISPLIT_OVERRIDE_TRIAL";

/// What [`uses`] says under a value.
fn with(value: &str) -> Vec<String> {
    let mut trial = Command::new(std::env::current_exe().unwrap());
    let trial = trial
        .args(["simd_override::uses", "--exact", "--nocapture"])
        .env("EQUISPLIT_SIMD", value)
        .env(TRIAL, "")
        .output();
    let trial = trial.unwrap();
    let said = String::from_utf8(trial.stdout).unwrap();
    assert!(trial.status.success(), "{value}: {said}{}", String::from_utf8_lossy(&trial.stderr));
    said.lines().filter_map(|line| line.strip_prefix("use: ")).map(str::to_owned).collect()
}

/// Not a test of its own but the processes that others start: everything of the library that computes in lanes.
#[test]
fn uses() {
    if std::env::var_os(TRIAL).is_none() {
        return;
    }
    let say = |result: equisplit::Result<()>| {
        println!("\nuse: {}", result.map_or_else(|e| e.to_string(), |()| "works".into()))
    };
    let images = Tensor::zeros((2, 1, 28, 28), DType::F32, &Device::Cpu).unwrap();
    say(FeatureMap::from_images(&images, &Workspace::default(), true).map(drop).map_err(Into::into));
    let (config, vb) = (NetConfig::preset("z2").unwrap(), Weights::new(0).builder(DType::F32, &Device::Cpu));
    let network = Network::new(&config, InputShape::DIGITS, &vb).unwrap();
    say(network.output(&images, &mut Mode::Inference).map(drop));
    let shape = ConvolutionShape { in_maps: 1, out_maps: 1, kernel: 3, size: [5, 5], padding: 0, stride: 1 };
    say(bench::convolution(shape, 1, 1).map(drop));
    say(kernel::check_override());
    println!("\nuse: {}", kernel::instructions());
}

#[test]
fn the_library_refuses_what_means_nothing() {
    for value in ["avx9", "", "AVX2"] {
        let uses = with(value);
        assert_eq!(uses.len(), 5, "{uses:?}");
        let refused = format!("EQUISPLIT_SIMD={value}: it's \"portable\", \"avx2\" or \"avx512\"");
        assert!(uses.iter().all(|said| said.contains(&refused)), "{value}: {uses:?}");
    }
}

#[test]
fn the_library_refuses_instructions_that_are_not_there() {
    #[cfg(target_arch = "x86_64")]
    let has = [pulp::x86::V3::try_new().is_some(), pulp::x86::V4::try_new().is_some()];
    #[cfg(not(target_arch = "x86_64"))]
    let has = [false; 2];
    for (value, has, vectors) in [("portable", true, 1), ("avx2", has[0], 8), ("avx512", has[1], 16)] {
        let uses = with(value);
        assert_eq!(uses.len(), 5, "{uses:?}");
        if has {
            assert!(uses[..4].iter().all(|said| said == "works"), "{value}: {uses:?}");
            assert!(uses[4].ends_with(&format!("vectors of {vectors} f32")), "{value}: {uses:?}");
        } else {
            assert!(
                uses.iter().all(|said| said.contains("this processor has no such instructions")),
                "{value}: {uses:?}"
            );
        }
    }
}

#[test]
fn the_program_refuses_them_before_it_does_anything() {
    let folder = tempfile::tempdir().unwrap();
    let study = crate::common::study_file(folder.path(), crate::common::TINY);
    let out = folder.path().join("out");
    let output =
        crate::common::equisplit().args(["run", &study, "--out"]).arg(&out).env("EQUISPLIT_SIMD", "avx9").output();
    let output = output.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("error: EQUISPLIT_SIMD=avx9: it's "), "{told}");
    assert!(!out.exists());
}
