//! Time of the bootstrap of a whole study: 14 arms, 5 seeds, 50,000 test images, 10,000 replicates.
//!
//! `cargo bench --bench bootstrap`

use std::time::Instant;

use equisplit::rng;
use equisplit::stats::bootstrap::Replicates;
use rand::RngExt;

fn main() -> equisplit::Result<()> {
    let mut stream = rng::stream(0, "bench");
    // Errors are shared between arms and seeds as those of real networks are: most fall on few hard examples.
    let hard: Vec<bool> = (0..50_000).map(|_| stream.random_bool(0.15)).collect();
    let mut run = |rate: f64| -> Vec<bool> {
        hard.iter().map(|&hard| stream.random_bool(if hard { 5.0 * rate } else { 0.25 * rate })).collect()
    };
    let wrong: Vec<Vec<Vec<bool>>> =
        (0..14).map(|arm| (0..5).map(|_| run(0.03 + 0.003 * f64::from(arm))).collect()).collect();
    let wrong: Vec<Vec<&[bool]>> = wrong.iter().map(|arm| arm.iter().map(Vec::as_slice).collect()).collect();
    for _ in 0..5 {
        let start = Instant::now();
        let replicates = Replicates::draw(&wrong, 10_000, 0)?;
        let interval = replicates.interval(|errors| Some((errors[13] - errors[5]) / (errors[13] - errors[0])));
        println!("{:.2} s, share in {interval:.3?}", start.elapsed().as_secs_f64());
    }
    Ok(())
}
