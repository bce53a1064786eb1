//! The one place where the instruction set is chosen.

use std::sync::OnceLock;

use pulp::{Arch, Simd, WithSimd};

use crate::error::{Error, Result};

/// Setting this environment variable to `portable` does without vector instructions, and to `avx2` without AVX-512: to see
/// whether a result depends on them, and to repeat one of another processor to the bit.
const OVERRIDE: &str = "EQUISPLIT_SIMD";

/// Refuses other values of the override than those that mean something.
///
/// # Errors
/// For any other value, with what is known.
pub fn check_override() -> Result<()> {
    match std::env::var_os(OVERRIDE) {
        Some(value) if value != "portable" && value != "avx2" => {
            Err(Error::invalid(format!("{OVERRIDE}={}: it's \"portable\" or \"avx2\"", value.display())))
        }
        _ => Ok(()),
    }
}

/// Images that a group has at least.
pub const LEAST_LANES: usize = 8;

/// Runs `op` with the widest vectors that the processor has.
pub fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    let detect = || match std::env::var(OVERRIDE) {
        Ok(value) if value == "portable" => Arch::Scalar,
        #[cfg(target_arch = "x86_64")]
        Ok(value) if value == "avx2" => pulp::x86::V3::try_new().map_or_else(Arch::new, Arch::V3),
        _ => Arch::new(),
    };
    ARCH.get_or_init(detect).dispatch(op)
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

/// The processor's architecture and the vectors that are used of it: kernels on equal ones round alike.
pub fn instructions() -> String {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    format!("{}, vectors of {} f32", std::env::consts::ARCH, dispatch(Width))
}

/// Bytes of a map's value for all lanes.
pub fn lane_bytes() -> usize {
    lane_count() * size_of::<f32>()
}

/// Vectors that hold a map's value for all lanes; kernels are compiled for it.
pub const fn parts<S: Simd>() -> usize {
    LEAST_LANES.div_ceil(S::F32_LANES)
}
