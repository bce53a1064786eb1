//! The widths that steps ask for, as factors of a base width.

use super::{ConvStep, LinearStep, RepeatStep, ResidualStep, Step, Steps, Width};
use crate::error::Error;
use crate::nn::Reduction;

/// Most convolutions and matrix products of a network: far more than any has that could be trained here.
pub(in crate::model) const MOST_LAYERS: usize = 1_000;
/// How deep steps can lie in steps.
pub(in crate::model) const DEEPEST: usize = 16;

/// What is wrong with a skeleton, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The step, counted from 0, and within steps that have steps those in them; empty where it's none of them alone.
    pub place: Vec<usize>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::invalid(fault.message)
    }
}

impl Steps {
    /// The factors of all steps whose width is one, from the image on, steps that are repeated as often as they are.
    ///
    /// # Errors
    /// When there are too many steps, or steps lie too deep in steps.
    pub fn factors(&self) -> Result<Vec<f64>, Fault> {
        let (mut factors, mut place) = (Vec::new(), Vec::new());
        gather(&self.steps, &mut place, &mut factors).map_err(|message| Fault { place, message })?;
        Ok(factors)
    }

    /// The widths of these steps for a base width: so many times that, rounded down.
    ///
    /// # Errors
    /// As [`Steps::factors`].
    pub fn widths(&self, base: f64) -> Result<Vec<usize>, Fault> {
        Ok(scaled(&self.factors()?, base))
    }

    /// How the group is pooled, as the first step says that does it.
    pub fn group_pooling(&self) -> Option<Reduction> {
        fn first(steps: &[Step], depth: usize) -> Option<Reduction> {
            steps.iter().filter(|_| depth <= DEEPEST).find_map(|step| match step {
                Step::GroupPool(reduction) => Some(*reduction),
                Step::Residual(ResidualStep { steps, .. }) | Step::Repeat(RepeatStep { steps, .. }) => {
                    first(steps, depth + 1)
                }
                _ => None,
            })
        }
        first(&self.steps, 0)
    }
}

/// Factors of a base width as widths.
pub(in crate::model) fn scaled(factors: &[f64], base: f64) -> Vec<usize> {
    // 22.627… times 2.828… is meant to be 64. Numbers that aren't a width's become 0 or more than any layer can have.
    factors.iter().map(|factor| (factor * base + 1e-9) as usize).collect()
}

impl RepeatStep {
    /// How often, if that's possible.
    pub(in crate::model) fn checked_times(&self) -> Result<usize, String> {
        match self.times {
            times @ 1..=MOST_LAYERS => Ok(times),
            times => Err(format!("repeat: times = {times}, but it must be 1 to {MOST_LAYERS}")),
        }
    }
}

pub(in crate::model) fn too_deep(depth: usize) -> String {
    format!("steps in steps, {depth} deep; at most {DEEPEST} are possible")
}

pub(in crate::model) fn too_many() -> String {
    format!("more than {MOST_LAYERS} convolutions and matrix products")
}

/// Adds the factors of these steps to `factors`; where something is wrong, `place` is left where that is.
fn gather(steps: &[Step], place: &mut Vec<usize>, factors: &mut Vec<f64>) -> Result<(), String> {
    if place.len() > DEEPEST {
        return Err(too_deep(place.len()));
    }
    for (n, step) in steps.iter().enumerate() {
        place.push(n);
        match step {
            Step::Conv(ConvStep { width: Width::Factor(factor), .. })
            | Step::Linear(LinearStep { width: Width::Factor(factor), .. }) => factors.push(*factor),
            Step::Residual(block) => gather(&block.steps, place, factors)?,
            Step::Repeat(repeat) => {
                for _ in 0..repeat.checked_times()? {
                    let before = factors.len();
                    gather(&repeat.steps, place, factors)?;
                    // What has no width is the same however often it's repeated.
                    if factors.len() == before {
                        break;
                    }
                }
            }
            _ => {}
        }
        if factors.len() > MOST_LAYERS {
            return Err(too_many());
        }
        place.pop();
    }
    Ok(())
}
