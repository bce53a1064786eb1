//! The one place where the instruction set is chosen.

use std::ffi::OsStr;
use std::sync::OnceLock;

use pulp::{Arch, Simd, WithSimd};

use crate::error::{Error, Result};

/// Setting this environment variable to `portable` does without vector instructions, to `avx2` without AVX-512, and to
/// `avx512` not without it: to see whether a result depends on them, and to repeat one of another processor to the bit.
const OVERRIDE: &str = "EQUISPLIT_SIMD";

/// The instruction set that is used, the same for as long as the process lives; or why the override is refused.
fn arch() -> &'static std::result::Result<Arch, String> {
    static ARCH: OnceLock<std::result::Result<Arch, String>> = OnceLock::new();
    ARCH.get_or_init(|| choose(std::env::var_os(OVERRIDE).as_deref(), Arch::new()))
}

/// What is asked for, on a processor of which `widest` is the widest set.
fn choose(asked: Option<&OsStr>, widest: Arch) -> std::result::Result<Arch, String> {
    let Some(asked) = asked else { return Ok(widest) };
    let refused = |why: &str| Err(format!("{OVERRIDE}={}: {why}", asked.display()));
    match (asked.to_str(), widest) {
        (Some("portable"), _) => Ok(Arch::Scalar),
        #[cfg(target_arch = "x86_64")]
        (Some("avx2"), Arch::V3(_)) | (Some("avx512"), Arch::V4(_)) => Ok(widest),
        #[cfg(target_arch = "x86_64")]
        (Some("avx2"), Arch::V4(avx512)) => Ok(Arch::V3(*avx512)),
        (Some("avx2" | "avx512"), _) => refused("this processor has no such instructions"),
        _ => refused("it's \"portable\", \"avx2\" or \"avx512\""),
    }
}

/// Refuses an override that means nothing, or instructions that the processor lacks. Whoever makes lanes asks first, so that
/// nothing is computed by others than those asked for.
///
/// # Errors
/// For such an override, with what is known.
pub fn check_override() -> Result<()> {
    arch().as_ref().map(drop).map_err(Error::invalid)
}

/// Images that a group has at least.
pub const LEAST_LANES: usize = 8;

/// Runs `op` with the widest vectors that the processor has, or with those of the override.
pub fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    // Where the override is refused, there are no lanes to work on.
    arch().as_ref().copied().unwrap_or(Arch::Scalar).dispatch(op)
}

/// Images per group: those that fill a vector register, and at least [`LEAST_LANES`].
pub fn lane_count() -> usize {
    struct Count;
    impl WithSimd for Count {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES * parts::<S>()
        }
    }
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| dispatch(Count))
}

/// The processor's architecture and the vectors that are used of it: kernels on equal ones round alike. Of an override that is
/// refused, why.
pub fn instructions() -> String {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    match arch() {
        Ok(arch) => format!("{}, vectors of {} f32", std::env::consts::ARCH, arch.dispatch(Width)),
        Err(refused) => format!("{}, {refused}", std::env::consts::ARCH),
    }
}

/// Bytes of a map's value for all lanes.
pub fn lane_bytes() -> usize {
    lane_count() * size_of::<f32>()
}

/// Vectors that hold a map's value for all lanes; kernels are compiled for it.
pub const fn parts<S: Simd>() -> usize {
    LEAST_LANES.div_ceil(S::F32_LANES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_that_the_processor_lacks_are_refused() {
        let chosen = |asked: &str| choose(Some(OsStr::new(asked)), Arch::Scalar).map_err(|refused| refused.to_string());
        assert!(chosen("portable").is_ok());
        for asked in ["avx2", "avx512"] {
            assert!(chosen(asked).unwrap_err().contains("this processor has no such instructions"), "{asked}");
        }
        for asked in ["avx9", "", "AVX2"] {
            assert!(chosen(asked).unwrap_err().contains("it's \"portable\", \"avx2\" or \"avx512\""), "{asked}");
        }
        assert!(choose(None, Arch::Scalar).is_ok());
    }
}
