//! `equisplit bench`

use std::path::{Path, PathBuf};

use candle_core::Device;
use equisplit::bench::{self, ConvolutionShape, ConvolutionTimes, NetworkTimes, Timing};
use equisplit::model::{InputShape, NetConfig, StepCost};
use equisplit::report::bench as table;
use equisplit::study::StudyFile;
use equisplit::train::{DeviceChoice, DeviceKind, Protocol};
use equisplit::{Error, Result};
use serde::Serialize;

use super::choice::choice;
use super::skeleton::{Found, input, size};
use super::study;

#[derive(clap::Args)]
pub struct Args {
    /// A study file, of which one arm is timed; without it, a preset is.
    #[arg(requires = "arm", conflicts_with_all = ["skeleton", "width", "size", "channels", "classes", "convolution"])]
    study: Option<PathBuf>,
    /// The network: an arm of the study, or the name of a preset [default: p4].
    #[arg(long, value_name = "ARM", conflicts_with = "convolution")]
    arm: Option<String>,
    /// Its skeleton: one of the program, or a file [default: the preset's own, or cohen2016].
    #[arg(long, conflicts_with = "convolution")]
    skeleton: Option<PathBuf>,
    /// Its base width [default: what gives the preset about as many parameters as the skeleton's own].
    #[arg(long, value_name = "WIDTH", conflicts_with = "convolution")]
    width: Option<f64>,
    /// Height and width of the images in pixels, as "32" or "32x48" [default: as the skeleton says].
    #[arg(long, value_name = "N", value_parser = size, conflicts_with = "convolution")]
    size: Option<[u16; 2]>,
    /// Channels of the images [default: as the skeleton says, else 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096), conflicts_with = "convolution")]
    channels: Option<u16>,
    /// Number of classes.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    classes: u16,
    /// One convolution instead of a network: in maps, out maps, kernel, pixels of the image, as "32" or "32x48", padding, and the
    /// stride if it isn't 1.
    #[arg(long, value_name = "IN,OUT,K,SIZE,PADDING[,STRIDE]", value_parser = convolution_shape)]
    convolution: Option<ConvolutionShape>,
    /// Time the network as a whole only.
    #[arg(long, conflicts_with = "convolution")]
    no_layers: bool,
    /// Time the input pipeline too, with the augmentations of the protocols.
    #[arg(long, conflicts_with = "convolution")]
    data: bool,
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
    skeleton: &'a str,
    /// Real parameters.
    parameters: usize,
    batch: u16,
    threads: usize,
    device: DeviceKind,
    #[serde(flatten)]
    times: NetworkTimes,
    images_per_second: Rates,
    sgemm_gflops: f64,
    /// The input pipeline, where it's asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data: Vec<Pipeline>,
    /// Empty where the network isn't trained on the CPU.
    convolutions: Vec<Layer>,
}

#[derive(Serialize)]
struct Rates {
    step: f64,
    inference: f64,
}

/// The input pipeline with the augmentation of a protocol.
#[derive(Serialize)]
struct Pipeline {
    protocol: &'static str,
    #[serde(flatten)]
    timing: Timing,
    images_per_second: f64,
    /// As a multiple of those of a training step.
    steps: f64,
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
    pool.install(|| match args.convolution {
        None => network(args),
        Some(shape) => convolution(args, shape),
    })
}

/// "40,40,3,28,1", "40,40,3,28x32,1,2".
fn convolution_shape(text: &str) -> std::result::Result<ConvolutionShape, String> {
    let wrong = || format!("{text:?} isn't IN,OUT,K,SIZE,PADDING or IN,OUT,K,SIZE,PADDING,STRIDE");
    let number = |text: &str| text.parse::<usize>().map_err(|_| wrong());
    let parts: Vec<&str> = text.split(',').collect();
    let (&[in_maps, out_maps, kernel, pixels, padding], stride) = (match parts.as_slice() {
        [parts @ .., stride] if parts.len() == 5 => (parts, number(stride)?),
        parts => (parts, 1),
    }) else {
        return Err(wrong());
    };
    let (height, width) = pixels.split_once('x').unwrap_or((pixels, pixels));
    Ok(ConvolutionShape {
        in_maps: number(in_maps)?,
        out_maps: number(out_maps)?,
        kernel: number(kernel)?,
        size: [number(height)?, number(width)?],
        padding: number(padding)?,
        stride,
    })
}

/// A network that is timed.
struct Subject {
    arm: String,
    config: NetConfig,
    input: InputShape,
    costs: Vec<StepCost>,
}

impl Subject {
    fn of(args: &Args) -> Result<Self> {
        match &args.study {
            Some(study) => Self::of_study(study, args.arm.as_deref()),
            None => Self::preset(args),
        }
    }

    fn of_study(path: &Path, arm: Option<&str>) -> Result<Self> {
        let file = StudyFile::read(path)?;
        let input = study::input(&file, None)?;
        let resolved = file.resolve(input, None)?;
        let found = study::arms(&resolved, arm)?;
        let [arm] = found.as_slice() else {
            let arms: Vec<String> = found.iter().map(|arm| arm.id()).collect();
            return Err(Error::invalid(format!("--arm: one is timed at a time, of {}", arms.join(", "))));
        };
        Ok(Self { arm: arm.id(), config: arm.net.clone(), input, costs: arm.net.costs(input)? })
    }

    fn preset(args: &Args) -> Result<Self> {
        let arm = args.arm.as_deref().unwrap_or("p4");
        let own = || PathBuf::from(NetConfig::skeleton_of(arm).unwrap_or("cohen2016"));
        let found = Found::read(&args.skeleton.clone().unwrap_or_else(own))?;
        let preset = NetConfig::preset_on(found.skeleton.clone(), arm).map_err(|fault| found.error(fault))?;
        let Some(mut config) = preset else {
            super::wrong_usage(&format!("--arm {arm}: there are {}", study::known_presets()))
        };
        let steps = found.skeleton.steps();
        if let Some(width) = args.width {
            config.widths = steps.widths(width).map_err(|fault| found.error(fault))?;
        }
        let input = input(steps.input, args.size, args.channels, args.classes)?;
        let costs = config.costs(input).map_err(|fault| found.error(fault))?;
        Ok(Self { arm: arm.to_owned(), config, input, costs })
    }
}

fn network(args: &Args) -> Result<()> {
    let Subject { arm, config, input, costs } = Subject::of(args)?;
    let parameters = costs.iter().map(|step| step.parameters).sum();
    let (batch, repeats) = (usize::from(args.batch), usize::from(args.repeats));
    let device = args.device.device()?;
    let times = bench::network(&config, input, batch, &device, repeats)?;
    let shapes = if device.is_cpu() && !args.no_layers { bench::convolutions_of(&config, input)? } else { Vec::new() };
    let convolutions = shapes.into_iter().map(|(name, shape)| {
        let times = bench::convolution(shape, batch, repeats)?;
        Ok(Layer { name, times, gflops: times.gflops() })
    });
    let data = if args.data { pipelines(input, batch, &times, repeats)? } else { Vec::new() };
    let report = NetworkReport {
        data,
        arm: &arm,
        skeleton: config.skeleton.name(),
        parameters,
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
    let data: Vec<_> = report.data.iter().map(|row| (row.protocol, row.images_per_second, row.steps)).collect();
    let data = if data.is_empty() { String::new() } else { format!("\n\n{}", table::pipelines(&data)) };
    let network = network + &data;
    let sgemm = format!("Matrix products (sgemm): {:.0} GFLOP/s.", report.sgemm_gflops);
    if !device.is_cpu() {
        return super::print(&format!("{} ({batch} images, on the GPU)\n\n{network}\n\n{sgemm}", arm));
    }
    if rows.is_empty() {
        return super::print(&format!("{} ({batch} images, {} threads)\n\n{network}\n\n{sgemm}", arm, report.threads));
    }
    super::print(&format!(
        "{} ({batch} images, {} threads)\n\n{network}\n\n{}\n\n{sgemm} Rates of convolutions count the operations of the \
         definition;\nWinograd's algorithm needs fewer.",
        arm,
        report.threads,
        table::convolution_times(&rows),
    ))
}

/// The pipeline with the augmentation of each protocol that has another one than those before it.
fn pipelines(input: InputShape, batch: usize, times: &NetworkTimes, repeats: usize) -> Result<Vec<Pipeline>> {
    let mut seen = Vec::new();
    let mut rows = Vec::new();
    for protocol in Protocol::ALL {
        let augmentation = protocol.config().augmentation;
        if seen.contains(&augmentation) {
            continue;
        }
        let timing = bench::pipeline(input, batch, &augmentation, repeats)?;
        let steps = times.step.median_ms / timing.median_ms;
        let images_per_second = batch as f64 * timing.per_second();
        rows.push(Pipeline { protocol: protocol.name(), timing, images_per_second, steps });
        seen.push(augmentation);
    }
    Ok(rows)
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
