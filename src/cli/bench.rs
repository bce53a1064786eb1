//! `equisplit bench`

use candle_core::Device;
use equisplit::bench::{self, ConvolutionShape, ConvolutionTimes, NetworkTimes};
use equisplit::model::{InputShape, NetConfig, Skeleton, presets};
use equisplit::report::bench as table;
use equisplit::train::{DeviceChoice, DeviceKind};
use equisplit::{Error, Result};
use serde::Serialize;

use super::choice::choice;

#[derive(clap::Args)]
pub struct Args {
    /// The network: the name of a preset.
    #[arg(long, value_name = "ARM", default_value = "p4", conflicts_with = "convolution")]
    arm: String,
    /// Which layers it has.
    #[arg(long, value_parser = choice::<Skeleton>(), default_value = "cohen2016", conflicts_with = "convolution")]
    skeleton: Skeleton,
    /// One convolution instead of a network: in maps, out maps, kernel, pixels of the image, padding.
    #[arg(long, value_name = "IN,OUT,K,SIZE,PADDING", value_delimiter = ',')]
    convolution: Vec<usize>,
    /// Images.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=4096))]
    batch: u16,
    /// Threads [default: the cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where the network is trained; single convolutions are timed on the CPU only.
    #[arg(long, value_parser = choice::<DeviceChoice>(), default_value = "auto", conflicts_with = "convolution")]
    device: DeviceChoice,
    /// How often each thing is measured.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    repeats: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a network's bench gives, as JSON.
#[derive(Serialize)]
struct NetworkReport<'a> {
    arm: &'a str,
    skeleton: Skeleton,
    batch: u16,
    threads: usize,
    device: DeviceKind,
    #[serde(flatten)]
    times: NetworkTimes,
    images_per_second: Rates,
    sgemm_gflops: f64,
    /// Empty where the network isn't trained on the CPU.
    convolutions: Vec<Layer>,
}

#[derive(Serialize)]
struct Rates {
    step: f64,
    inference: f64,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    #[serde(flatten)]
    times: ConvolutionTimes,
    /// Of forward, input gradient, filter gradient.
    gflops: [f64; 3],
}

/// What a single convolution's bench gives, as JSON.
#[derive(Serialize)]
struct ConvolutionReport {
    threads: usize,
    #[serde(flatten)]
    times: ConvolutionTimes,
    gflops: [f64; 3],
    sgemm_gflops: f64,
}

pub fn run(args: &Args) -> Result<()> {
    super::check_threads(None, args.threads)?;
    let threads = args.threads.map_or(0, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|e| Error::invalid(format!("--threads {threads}: {e}")))?;
    pool.install(|| match *args.convolution.as_slice() {
        [] => network(args),
        [in_maps, out_maps, kernel, size, padding] => {
            convolution(args, ConvolutionShape { in_maps, out_maps, kernel, size, padding })
        }
        _ => super::wrong_usage("--convolution takes five numbers: IN,OUT,K,SIZE,PADDING"),
    })
}

fn network(args: &Args) -> Result<()> {
    let Some(config) = NetConfig::preset(&args.arm).map(|preset| preset.on(args.skeleton)) else {
        super::wrong_usage(&format!("--arm {}: there are {}", args.arm, presets().join(", ")))
    };
    let (batch, repeats, input) = (usize::from(args.batch), usize::from(args.repeats), InputShape::DIGITS);
    let device = args.device.device()?;
    let times = bench::network(&config, input, batch, &device, repeats)?;
    let shapes = if device.is_cpu() { bench::convolutions_of(&config, input)? } else { Vec::new() };
    let convolutions = shapes.into_iter().map(|(name, shape)| {
        let times = bench::convolution(shape, batch, repeats)?;
        Ok(Layer { name, times, gflops: times.gflops() })
    });
    let report = NetworkReport {
        arm: &args.arm,
        skeleton: args.skeleton,
        batch: args.batch,
        threads: rayon::current_num_threads(),
        device: DeviceKind::of(&device),
        times,
        images_per_second: Rates {
            step: batch as f64 * times.step.per_second(),
            inference: batch as f64 * times.inference.per_second(),
        },
        convolutions: convolutions.collect::<Result<_>>()?,
        sgemm_gflops: bench::sgemm_gflops(&device, repeats)?,
    };
    if args.json {
        return super::print_json(&report);
    }
    let rows: Vec<_> = report.convolutions.iter().map(|layer| (layer.name.as_str(), layer.times)).collect();
    let network = table::network_times(&times, batch);
    let sgemm = format!("Matrix products (sgemm): {:.0} GFLOP/s.", report.sgemm_gflops);
    if !device.is_cpu() {
        return super::print(&format!("{} ({batch} images, on the GPU)\n\n{network}\n\n{sgemm}", args.arm));
    }
    super::print(&format!(
        "{} ({batch} images, {} threads)\n\n{network}\n\n{}\n\n{sgemm} Rates of convolutions count the operations of the \
         definition;\nWinograd's algorithm needs fewer.",
        args.arm,
        report.threads,
        table::convolution_times(&rows),
    ))
}

fn convolution(args: &Args, shape: ConvolutionShape) -> Result<()> {
    if let Err(error) = shape.check(args.batch.into()) {
        super::wrong_usage(&format!("--convolution: {error}"));
    }
    let times = bench::convolution(shape, args.batch.into(), args.repeats.into())?;
    let threads = rayon::current_num_threads();
    let sgemm_gflops = bench::sgemm_gflops(&Device::Cpu, args.repeats.into())?;
    if args.json {
        return super::print_json(&ConvolutionReport { threads, times, gflops: times.gflops(), sgemm_gflops });
    }
    super::print(&format!(
        "{} images, padding {}, {threads} threads\n\n{}\n\nMatrix products (sgemm): {sgemm_gflops:.0} GFLOP/s",
        args.batch,
        shape.padding,
        table::convolution_times(&[("", times)])
    ))
}
