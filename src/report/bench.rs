//! Tables of measured times for the screen.

use super::screen::lines;
use crate::bench::{ConvolutionShape, ConvolutionTimes, NetworkTimes, Timing};

/// A training step and inference.
pub fn network_times(times: &NetworkTimes, batch: usize) -> String {
    let row = |name: &str, timing: &Timing| {
        let rate = batch as f64 * timing.per_second();
        let [median, min, max] = [timing.median_ms, timing.min_ms, timing.max_ms].map(|ms| format!("{ms:.1}"));
        vec![name.to_owned(), median, min, max, format!("{rate:.0}")]
    };
    let rows = [row("training step", &times.step), row("inference", &times.inference)];
    lines(&["", "median ms", "min", "max", "images/s"], 1, rows.into_iter())
}

/// The input pipeline by protocol: images per second, and how many times those of a training step they are.
pub fn pipelines(rows: &[(&str, f64, f64)]) -> String {
    let row = |(protocol, rate, steps): &(&str, f64, f64)| {
        vec![(*protocol).to_owned(), format!("{rate:.0}"), format!("{steps:.1}")]
    };
    lines(&["augmentation of", "images/s", "× a training step's"], 1, rows.iter().map(row))
}

/// The three passes of some convolutions, by name: milliseconds and GFLOP/s.
pub fn convolution_times(rows: &[(&str, ConvolutionTimes)]) -> String {
    let row = |(name, times): &(&str, ConvolutionTimes)| {
        let ConvolutionShape { in_maps, out_maps, kernel, size: [height, width], padding, stride } = times.convolution;
        let image = if height == width { format!("{height}²") } else { format!("{height}×{width}") };
        let stride = if stride == 1 { String::new() } else { format!(", stride {stride}") };
        let padding = if padding == 0 { String::new() } else { format!(", padding {padding}") };
        let sizes = format!("{in_maps}→{out_maps} {kernel}×{kernel} on {image}{padding}{stride}");
        let passes = [times.forward, times.input_gradient, times.filter_gradient].into_iter().zip(times.gflops());
        let cells = passes.map(|(timing, gflops)| format!("{:.2} ({gflops:.0})", timing.median_ms));
        [(*name).to_owned(), sizes].into_iter().chain(cells).collect()
    };
    let header = ["", "convolution", "forward ms (GFLOP/s)", "of input", "of filters"];
    lines(&header, 2, rows.iter().map(row))
}
