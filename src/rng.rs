//! Named, seeded random streams.
//!
//! Every draw of the crate comes from a stream that is identified by a seed and a name ("conv1.weight", "order/epoch-3").
//! A stream doesn't depend on what was drawn before it, nor on threads or jobs, so that a run can be repeated to the bit
//! and resumed without storing generator states.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The generator behind every stream: reproducible across platforms and releases, unlike `rand`'s `StdRng`.
pub type Stream = ChaCha8Rng;

/// The stream called `name` of the given `seed`; its key is the SHA-256 of both.
pub fn stream(seed: u64, name: &str) -> Stream {
    let mut hash = Sha256::new();
    hash.update(b"equisplit stream\0");
    hash.update(seed.to_le_bytes());
    hash.update(name.as_bytes());
    Stream::from_seed(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn a_stream_depends_on_seed_and_name_alone() {
        let first = |seed, name| stream(seed, name).next_u64();
        assert_eq!(first(3, "order"), first(3, "order"));
        assert_ne!(first(3, "order"), first(4, "order"));
        assert_ne!(first(3, "order"), first(3, "weights"));
    }
}
