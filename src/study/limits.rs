//! How large a study can be, and what can name its folders.

use std::collections::BTreeSet;

/// Most seeds of a study.
pub(super) const MOST_SEEDS: usize = 10_000;
/// Most arms, those of all cells of a grid together.
pub(super) const MOST_ARMS: usize = 1_000;
/// Most settings that tuning tries, and most runs of each.
pub(super) const MOST_SETTINGS: usize = 1_000;
/// Most runs, trials of tuning among them.
pub(super) const MOST_RUNS: usize = 100_000;
/// Most characters of an arm's folder; file systems allow 255.
pub(super) const LONGEST_NAME: usize = 200;
/// Most factors of a grid.
pub(super) const MOST_FACTORS: usize = 16;

/// Files that a store has beside the folders of its arms.
const TAKEN: [&str; 3] = ["study.toml", "study.json", "attribution.json"];

/// Why `name` can't name a folder, if it can't: names have no separators and aren't hidden.
pub(super) fn folder_name_fault(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let taken = TAKEN.iter().any(|file| file.eq_ignore_ascii_case(name));
    let fault = taken || name.is_empty() || name.starts_with('.') || !name.chars().all(plain) || name.len() > 100;
    fault.then(|| {
        format!(
            "{name:?} can't name a folder: letters, digits and - _ . + only, no . in front, and not study.toml, study.json or attribution.json"
        )
    })
}

/// The first value that is there twice.
pub(super) fn repeated(seeds: &[u64]) -> Option<u64> {
    let mut seen = BTreeSet::new();
    seeds.iter().copied().find(|seed| !seen.insert(*seed))
}
