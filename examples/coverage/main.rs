//! How often the intervals of a share hold the truth, in simulated studies; writes `docs/coverage.md`.
//!
//! `cargo run --release --example coverage` (`-- --help` for fewer studies)

mod cell;
mod markdown;
mod methods;
mod records;
mod simulate;
mod store;

use std::path::PathBuf;

use clap::Parser;
use equisplit::Result;
use equisplit::files::write_whole;

use cell::{Counts, Outcomes};
use simulate::{Cell, GAINS, NOISES};

const SEEDS: [u64; 4] = [3, 5, 10, 30];
const SHARES: [f64; 5] = [-0.5, 0.0, 0.38, 1.0, 1.5];

#[derive(Parser)]
struct Arguments {
    /// Studies in every cell of the table.
    #[arg(long, default_value_t = 2_000)]
    studies: usize,
    /// How many of them get the bootstrap, and the widths of the intervals that were tried beside Fieller's.
    #[arg(long, default_value_t = 40)]
    bootstrap: usize,
    /// How many of them also go through a run store on disk, which must change nothing.
    #[arg(long, default_value_t = 5)]
    stored: usize,
    /// Studies in every cell of the table that is simulated from records.
    #[arg(long, default_value_t = 1_000)]
    from_records: usize,
    /// The file that the tables go to.
    #[arg(long, default_value = "docs/coverage.md")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let counts = Counts { studies: arguments.studies, bootstrap: arguments.bootstrap, stored: arguments.stored };
    let mut outcomes = Vec::new();
    for (gain, noise) in GAINS.into_iter().flat_map(|gain| NOISES.map(|noise| (gain, noise))) {
        for (share, seeds) in SHARES.into_iter().flat_map(|share| SEEDS.map(|seeds| (share, seeds))) {
            outcomes.push(Outcomes::of(Cell { seeds, share, gain, noise }, counts)?);
        }
        eprintln!("{gain:?} gain, {noise:?} noise: done");
    }
    let from_records = records::coverage(arguments.from_records)?;
    let text = markdown::document(&outcomes, counts) + &markdown::over_images(&from_records, arguments.from_records);
    write_whole(&arguments.out, |out| out.write_all(text.as_bytes()))
}
