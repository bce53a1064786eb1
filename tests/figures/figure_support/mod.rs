//! Figures of made-up numbers.
#![allow(dead_code)] // each test file uses its own part

mod shapes;

use equisplit::bank::{families, family};
use equisplit::group::PointGroup;
use equisplit::report::figure::{
    Against, Arm, AttributionFigure, BatchFigure, BatchImage, Bitmap, BudgetFigure, BudgetPoint, CayleyFigure,
    EquivarianceCurve, EquivarianceFigure, ErrorRow, ErrorsFigure, Estimate, Figure, FilterFigure, FilterRow,
    GroupMaps, LearningCurve, LearningFigure, LocalCurve, LocalErrors, LocalFigure, Pair, PairedFigure, PairedRow,
    PairsFigure, Raster, Role, RotationCurve, RotationFigure, RunCurve, ShareBar, SizePoint, Spread, StepBar,
    TrainingSizeCurve, TrainingSizeFigure,
};
use equisplit::stats::Covers;

pub use shapes::{Shape, shapes};

/// What a made-up study looks like.
#[derive(Clone, Copy)]
pub struct Made {
    pub controls: usize,
    pub seeds: usize,
    /// Whether all runs of the first control failed.
    pub failed: bool,
}

/// Studies of all sizes, and what can be missing.
pub const CASES: [(&str, Made); 7] = [
    ("usual", Made::USUAL),
    ("one-seed", Made { seeds: 1, ..Made::USUAL }),
    ("failed", Made { failed: true, ..Made::USUAL }),
    ("few", Made { controls: 1, seeds: 2, failed: false }),
    ("no-controls", Made { controls: 0, ..Made::USUAL }),
    // Matched arms: all points of the budget figure lie at one cost.
    ("twelve", Made { controls: 12, ..Made::USUAL }),
    ("many", Made { controls: 198, seeds: 3, failed: true }),
];

impl Made {
    pub const USUAL: Self = Self { controls: 6, seeds: 5, failed: false };

    fn interval(self, value: f64, half: f64) -> Option<[f64; 2]> {
        (self.seeds > 1).then_some([value - half, value + half])
    }

    /// The runs of an arm around their mean.
    fn spread(self, mean: f64) -> Option<Spread> {
        let middle = (self.seeds as f64 - 1.0) / 2.0;
        Spread::of((0..self.seeds).map(|seed| mean * (1.0 + 0.02 * (seed as f64 - middle))))
    }

    pub fn arms(self) -> Vec<Arm> {
        let bank = |name: &str| family(name).unwrap().portrait();
        let known = [
            ("repeat-swish", "repeat-swish"),
            ("scrambled", "scrambled"),
            ("repeat-mask", "repeat-mask"),
            ("random-mask", "random-mask"),
            ("repeat-linear", "repeat-linear"),
            ("wide", "free"),
        ];
        let control = |n: usize| match known.get(n) {
            Some((name, family)) => {
                let role = if n < 4 { Role::Headline } else { Role::Other };
                Arm { name: (*name).to_owned(), role, bank: bank(family), variant: usize::from(*family == "free") }
            }
            None => Arm {
                name: format!("control-{n}"),
                role: Role::Other,
                bank: families()[n % families().len()].portrait(),
                variant: 2 + n / families().len(),
            },
        };
        let end = |name: &str, role, family| Arm { name: name.to_owned(), role, bank: bank(family), variant: 0 };
        let baseline = end("z2", Role::Baseline, "free");
        let target = end("p4", Role::Target, "p4");
        std::iter::once(baseline).chain((0..self.controls).map(control)).chain(std::iter::once(target)).collect()
    }

    /// Mean error of the n-th of the arms.
    fn error(self, n: usize) -> f64 {
        0.0503 - 0.0275 * n as f64 / (self.controls + 1) as f64
    }

    /// The arms that have runs, with their errors.
    fn finished(self) -> Vec<(Arm, f64)> {
        let arms = self.arms().into_iter().enumerate().map(|(n, arm)| (self.error(n), arm));
        arms.filter(|(_, arm)| !self.has_failed(arm)).map(|(error, arm)| (arm, error)).collect()
    }

    fn has_failed(self, arm: &Arm) -> bool {
        self.failed && arm.name == "repeat-swish"
    }

    pub fn attribution(self) -> AttributionFigure {
        let arms = self.arms();
        let (baseline, target) = (arms[0].clone(), arms[arms.len() - 1].clone());
        let ends = [0.0503, 0.0228];
        let step = |to: &str, errors: [f64; 2]| {
            let share = (errors[0] - errors[1]) / 0.0275;
            StepBar {
                to: to.to_owned(),
                errors,
                interval: self.interval(errors[0] - errors[1], 0.003),
                share: (self.seeds > 1).then_some(Estimate { value: share, interval: self.interval(share, 0.11) }),
            }
        };
        let steps = vec![step("scrambled", [0.0503, 0.0441]), step("p4", [0.0441, 0.0228])];
        let controls = arms.iter().enumerate().filter(|(_, arm)| arm.is_control());
        let share = |(n, arm): (usize, &Arm)| {
            let value = 0.7 - 0.15 * n as f64;
            let share = Estimate { value, interval: self.interval(value, 0.12 + 0.01 * n as f64) };
            let share = Some(share).filter(|_| !self.has_failed(arm));
            ShareBar { control: arm.clone(), share, seeds: self.seeds }
        };
        AttributionFigure {
            baseline,
            target,
            ends: Some(ends),
            gain: Some(Estimate { value: 0.0275, interval: self.interval(0.0275, 0.0021) }),
            shares: if self.seeds > 1 { controls.map(share).collect() } else { Vec::new() },
            steps: if self.seeds > 1 { steps } else { vec![step("p4", ends)] },
            reason: (self.seeds < 2).then(|| "gain not established: one seed gives no interval".to_owned()),
            seeds: self.seeds,
            covers: Covers::default(),
        }
    }

    pub fn errors(self) -> ErrorsFigure {
        let row = |(n, arm): (usize, Arm)| {
            let failed = self.has_failed(&arm);
            let error = self.error(n);
            let run = |seed: usize| error + 0.0008 * ((seed * 7 + n * 3) % 5) as f64 - 0.0016;
            let runs: Vec<f64> = (0..if failed { 0 } else { self.seeds }).map(run).collect();
            let mean = Estimate { value: error, interval: self.interval(error, 0.0014) };
            ErrorRow { arm, runs, mean: (!failed).then_some(mean), failed: if failed { self.seeds } else { 0 } }
        };
        let arms = self.arms().into_iter().enumerate().map(row).collect();
        ErrorsFigure { arms, data: "mnist-rot (50000 test images)".to_owned() }
    }

    /// Errors of a run of an arm whose mean is `error`.
    fn run_error(error: f64, seed: usize) -> f64 {
        error * (1.0 + 0.03 * ((seed * 7) % 5) as f64)
    }

    pub fn paired(self) -> PairedFigure {
        let finished = self.finished();
        let baseline = finished[0].1;
        let row = |(arm, error): (Arm, f64)| {
            let difference =
                |seed: usize| (seed as u64, Self::run_error(baseline, seed) - Self::run_error(error, seed + 1));
            PairedRow { arm, differences: (0..self.seeds).map(difference).collect() }
        };
        PairedFigure { baseline: "z2".to_owned(), rows: finished.into_iter().skip(1).map(row).collect() }
    }

    pub fn pairs(self) -> PairsFigure {
        let finished = self.finished();
        let error = |arm: &Arm| finished.iter().find(|(other, _)| other == arm).map_or(0.0, |(_, error)| *error);
        PairsFigure::new(finished.iter().map(|(arm, _)| arm.clone()).collect(), |from, to| {
            let value = error(from) - error(to);
            let difference = Estimate { value, interval: self.interval(value, 0.0011) };
            Some(Pair { from: from.clone(), to: to.clone(), difference, seeds: self.seeds })
        })
    }

    pub fn budget(self, against: Against) -> BudgetFigure {
        let point = |(n, (arm, error)): (usize, (Arm, f64))| BudgetPoint {
            arm,
            parameters: 24_620 + 37 * (n % 7),
            one_bit_parameters: if n % 3 == 1 { 90_000 } else { 0 },
            multiply_adds: 3_000_000 + 4_000_000 * (n as u64 % 5),
            error: Estimate { value: error, interval: self.interval(error, 0.0014) },
            seeds: self.seeds,
        };
        BudgetFigure { against, points: self.finished().into_iter().enumerate().map(point).collect() }
    }

    pub fn learning(self) -> LearningFigure {
        let curve = |(arm, error): (Arm, f64)| {
            let run = |seed: usize| {
                let at = |epoch: usize| (-0.3 * epoch as f64).exp() * (1.0 + 0.1 * (seed as f64 - 1.5));
                RunCurve {
                    loss: (0..20).map(|epoch| 30.0 * error * at(epoch) + 0.5 * error).collect(),
                    error: (0..20).map(|epoch| 10.0 * error * at(epoch) + error).collect(),
                }
            };
            LearningCurve { arm, runs: (0..self.seeds).map(run).collect() }
        };
        LearningFigure { arms: self.finished().into_iter().map(curve).collect(), tested: false }
    }

    pub fn training_size(self) -> TrainingSizeFigure {
        let curve = |(arm, error): (Arm, f64)| {
            let point = |images: usize| {
                let value = error * (12_000.0 / images as f64).sqrt();
                let value = Estimate { value, interval: self.interval(value, 0.1 * value) };
                SizePoint { images, value, seeds: self.seeds }
            };
            TrainingSizeCurve { arm, points: [600, 1200, 3000, 6000, 12_000].map(point).to_vec() }
        };
        let share = |(arm, error): (Arm, f64)| {
            // Of few images the intervals are wider than what is drawn, and of the fewest the gain isn't established.
            let point = |images: usize| {
                let value = (0.0503 - error) / 0.0275 + 0.1 - 60.0 / images as f64;
                SizePoint {
                    images,
                    value: Estimate { value, interval: self.interval(value, 1500.0 / images as f64) },
                    seeds: self.seeds,
                }
            };
            TrainingSizeCurve { arm, points: [1200, 3000, 6000, 12_000].map(point).to_vec() }
        };
        let controls = || self.finished().into_iter().filter(|(arm, _)| arm.is_control());
        let shares = if self.seeds > 1 { controls().map(share).collect() } else { Vec::new() };
        let errors = self.finished().into_iter().map(curve).collect();
        TrainingSizeFigure::new(["", ""], ["z2", "p4"], errors, shares)
    }

    pub fn rotation(self) -> RotationFigure {
        let curve = |(arm, error): (Arm, f64)| {
            let angles: Vec<f64> = (0..24).map(|n| 15.0 * f64::from(n)).collect();
            let run = |seed: usize| {
                let at = |angle: &f64| error * (1.4 - 0.4 * (4.0 * angle.to_radians()).cos() + 0.05 * seed as f64);
                angles.iter().map(at).collect()
            };
            RotationCurve { arm, runs: (0..self.seeds).map(run).collect(), angles: angles.clone() }
        };
        RotationFigure { images: 2000, missing: vec![], curves: self.finished().into_iter().map(curve).collect() }
    }

    pub fn equivariance(self) -> EquivarianceFigure {
        let stages =
            ["conv1", "conv2", "pool2", "conv3", "conv4", "conv5", "conv6", "conv7"].map(str::to_owned).to_vec();
        let angles: Vec<f64> = (0..24).map(|n| 15.0 * f64::from(n)).collect();
        let curve = |(arm, error): (Arm, f64)| {
            let target = arm.role == Role::Target;
            let at = |stage: usize, by: f64| {
                self.spread(if target { 1e-7 } else { (1.0 - by * stage as f64) * (0.7 + error) })
            };
            let score = |angle: &f64| {
                let exact = if target { 0.0 } else { 4.0 * error };
                self.spread(exact + (2.0 * angle.to_radians()).sin().abs() * error)
            };
            EquivarianceCurve {
                new: (0..stages.len()).map(|stage| at(stage, 0.01)).collect(),
                trained: (0..stages.len()).map(|stage| at(stage, 0.08)).collect(),
                scores: angles.iter().filter_map(score).collect(),
                angles: angles.clone(),
                group: "C4".to_owned(),
                arm,
                seeds: self.seeds,
            }
        };
        EquivarianceFigure {
            curves: self.finished().into_iter().map(curve).collect(),
            stages,
            images: [16, 2000],
            missing: vec![],
        }
    }

    pub fn local(self) -> LocalFigure {
        let layers =
            ["conv1", "conv1.norm", "conv2", "conv2.norm", "pool2", "conv3", "conv3.norm", "conv7", "conv7.max"];
        let errors = |error: f64, scale: f64| LocalErrors {
            whole: self.spread(4.0 * scale * error),
            layers: (0..layers.len()).map(|n| self.spread(scale * error * (1.0 + (2.0 * n as f64).sin()))).collect(),
        };
        let curve = |(arm, error): (Arm, f64)| LocalCurve {
            arm,
            rotation: errors(error, 12.0),
            translation: errors(error, 2.0),
            seeds: self.seeds,
        };
        LocalFigure {
            layers: layers.map(str::to_owned).to_vec(),
            curves: self.finished().into_iter().map(curve).collect(),
            images: 16,
            missing: vec![],
        }
    }

    /// All figures of numbers.
    pub fn all(self) -> Vec<Box<dyn Figure>> {
        vec![
            Box::new(self.attribution()),
            Box::new(self.errors()),
            Box::new(self.paired()),
            Box::new(self.pairs()),
            Box::new(self.budget(Against::Size)),
            Box::new(self.budget(Against::Information)),
            Box::new(self.learning()),
            Box::new(self.training_size()),
            Box::new(self.rotation()),
            Box::new(self.equivariance()),
            Box::new(self.local()),
        ]
    }
}

/// A raster of `side`×`side` values.
pub fn raster(side: usize, value: impl Fn(usize, usize) -> f64) -> Raster {
    let values = (0..side * side).map(|n| value(n / side, n % side)).collect();
    Raster { width: side, values }
}

/// Images of an epoch: stripes across and along.
pub fn batch(count: usize, [width, height]: [usize; 2], class: &str, augmentation: Option<String>) -> BatchFigure {
    let stripes = |is_dark: &dyn Fn(usize) -> bool| {
        let colour = |n: usize| if is_dark(n) { [40, 60, 90] } else { [250, 220, 180] };
        Bitmap { width, pixels: (0..width * height).map(colour).collect() }
    };
    let image = |_| BatchImage {
        class: class.to_owned(),
        loaded: stripes(&|n| n / width % 2 == 0),
        augmented: stripes(&|n| n % width % 2 == 0),
    };
    BatchFigure {
        arm: "p4".to_owned(),
        data: "stripes".to_owned(),
        seed: 3,
        epoch: 2,
        augmentation,
        ranges: vec![[-1.25, 1.5]; 5],
        averaged: true,
        images: (0..count).map(image).collect(),
    }
}

/// Filters, feature maps and images.
pub fn pictures() -> Vec<Box<dyn Figure>> {
    let filter_of = |n: usize, copies: usize| FilterRow {
        name: format!("filter {}", n + 1),
        copies: (0..copies)
            .map(|c| raster(3, |row, column| ((row * 3 + column + n + 2 * c) % 9) as f64 - 4.0))
            .collect(),
    };
    let filter = |n| filter_of(n, 4);
    let columns = ["1", "r", "r²", "r³"].map(str::to_owned).to_vec();
    let orbit = |name: &str, group: PointGroup| {
        let names: Vec<String> = group.elements().map(|g| group.element_name(g)).collect();
        let filters = (0..8).map(|n| vec![filter_of(n, group.order())]).collect();
        FilterFigure::new([name, "conv1"], 0, names, &format!("its orbit under {}", group.name()), filters)
    };
    let maps = |turned: usize, count: usize| GroupMaps {
        image: raster(28, |row, column| f64::from(u8::from((if turned == 0 { row } else { column }) > 13))),
        maps: (0..count).map(|m| raster(26, |row, column| ((row + m * column + turned) % 26) as f64)).collect(),
    };
    vec![
        Box::new(FilterFigure::new(
            ["p4", "conv1"],
            0,
            columns,
            "its orbit under C4",
            (0..12).map(|n| vec![filter(n)]).collect(),
        )),
        Box::new(CayleyFigure::new("p4", 0, "conv1", PointGroup::c4(), [maps(0, 4), maps(1, 4)])),
        Box::new(CayleyFigure::new("p4m", 0, "conv1", PointGroup::d4(), [maps(0, 8), maps(1, 8)])),
        Box::new(orbit("c8", PointGroup::c8())),
        Box::new(orbit("d8", PointGroup::dihedral(8).unwrap())),
        Box::new(orbit("d16", PointGroup::dihedral(16).unwrap())),
        Box::new(CayleyFigure::new("c8", 0, "conv1", PointGroup::c8(), [maps(0, 8), maps(1, 8)])),
        Box::new(CayleyFigure::new("c16", 0, "conv1", PointGroup::cyclic(16).unwrap(), [maps(0, 16), maps(1, 16)])),
        Box::new(CayleyFigure::new("c3", 0, "conv1", PointGroup::cyclic(3).unwrap(), [maps(0, 3), maps(1, 3)])),
        Box::new(CayleyFigure::new("d8", 0, "conv1", PointGroup::dihedral(8).unwrap(), [maps(0, 16), maps(1, 16)])),
        Box::new(CayleyFigure::new("d1", 0, "conv1", PointGroup::dihedral(1).unwrap(), [maps(0, 2), maps(1, 2)])),
        Box::new(batch(32, [28, 28], "7", Some("quarter turns".to_owned()))),
    ]
}
