//! Circular harmonics on rings: a basis of filters that turns in itself.

use nalgebra::{DVector, Vector2};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::group::PointGroup;

/// Width of a ring's Gaussian profile in pixels, and that of the outermost ring (Weiler & Cesa 2019).
const SIGMA: [f64; 2] = [0.6, 0.4];

/// Largest kernel that has a basis.
pub const MOST_KERNEL: usize = 63;

/// Highest cut-off: beyond it the frequencies of any ring of [`MOST_KERNEL`] alias.
const MOST_FREQUENCY: u32 = 128;

/// Most values of all functions for all elements.
const MOST_VALUES: usize = 1 << 25;

/// A function of which less than this is left beside others is a combination of them.
const DEPENDENT: f64 = 1e-6;

/// Which functions a basis has; what isn't given is as in Weiler & Cesa's (2019) code.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rings {
    /// Radii of the rings in pixels, from the inmost on; 0, 1, …, ⌊k/2⌋ by default.
    pub rings: Option<Vec<f64>>,
    /// Width σ of every ring in pixels; 0.6, and 0.4 for the outermost, by default.
    pub sigma: Option<Vec<f64>>,
    /// Highest angular frequency of every ring; by default 0 for the middle, 2 for the outermost ring, and for a ring of radius R
    /// between them 2R where R is odd and 2R − 1 where it's even.
    pub cutoff: Option<Vec<u32>>,
}

/// One ring of a basis.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ring {
    radius: f64,
    sigma: f64,
    cutoff: u32,
}

/// The functions ψ(x) = exp(−(|x| − R)² / 2σ²) · cos kφ and sin kφ on the pixels of a k×k filter (Weiler, Hamprecht & Storath, CVPR
/// 2018), for every ring R and all k up to its cut-off; x is in pixels from the filter's middle, φ counter-clockwise from the right.
/// Where k > 0 they're 0 in the middle.
///
/// Both functions of a ring and a frequency are scaled by the same factor, so that the sum of their squares over the pixels is 2, or 1 where
/// there's one: turning the plane turns the pair in itself by an orthogonal matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct RingBasis {
    kernel: usize,
    functions: Vec<Function>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Function {
    ring: Ring,
    frequency: u32,
    sine: bool,
    scale: f64,
}

impl Rings {
    /// The basis of filters of `kernel`×`kernel` pixels that `group` makes copies of. Functions that say nothing new on so few pixels are
    /// left out: those that are combinations of the ones before them, for all elements of the group alike. With the published rings that's
    /// one of 4×4 pixels for C4, and none of odd kernels.
    ///
    /// # Errors
    /// When lists have other lengths than there are rings, or a number is one that no ring can have.
    pub fn basis(&self, kernel: usize, group: &PointGroup) -> Result<RingBasis> {
        if !(1..=MOST_KERNEL).contains(&kernel) {
            return Err(Error::invalid(format!("a basis has kernels of 1 to {MOST_KERNEL} pixels, not {kernel}")));
        }
        let mut functions = Vec::new();
        for ring in self.of_kernel(kernel)? {
            for frequency in 0..=ring.cutoff {
                let norm = norm(ring, frequency, kernel);
                if norm < 1e-9 {
                    let Ring { radius, sigma, .. } = ring;
                    let message = format!("a ring of radius {radius} and σ {sigma} has no pixels of {kernel}×{kernel}");
                    return Err(Error::invalid(format!("{message} for frequency {frequency}")));
                }
                let of = |sine| Function { ring, frequency, sine, scale: norm.sqrt().recip() };
                functions.push(of(false));
                functions.extend((frequency > 0).then(|| of(true)));
            }
        }
        let values = functions.len().saturating_mul(group.order() * kernel * kernel);
        if values > MOST_VALUES {
            let (count, order) = (functions.len(), group.order());
            let message = format!("{count} functions of {kernel}×{kernel} pixels for {order} elements are too many");
            return Err(Error::invalid(format!("{message}: {values} values, and at most {MOST_VALUES} are possible")));
        }
        Ok(RingBasis { kernel, functions }.independent(group))
    }

    /// Refuses what no kernel could have.
    ///
    /// # Errors
    /// The key, and what would be right.
    pub fn check(&self) -> Result<()> {
        let wrong = |key: &str, found: &dyn std::fmt::Debug, right: &str| {
            Err(Error::invalid(format!("{key} = {found:?}, but expected {right}")))
        };
        let radius = |radius: &f64| (0.0..=MOST_KERNEL as f64).contains(radius);
        match &self.rings {
            Some(rings) if rings.is_empty() || !rings.iter().all(radius) || !rings.is_sorted_by(|a, b| a < b) => {
                return wrong("rings", rings, "radii of 0 to 63 pixels in their order, as [0, 1, 2]");
            }
            _ => {}
        }
        let width = |sigma: &f64| (0.01..=MOST_KERNEL as f64).contains(sigma);
        match (&self.sigma, &self.cutoff) {
            (Some(sigma), _) if !sigma.iter().all(width) => {
                wrong("sigma", sigma, "a width of 0.01 to 63 pixels for every ring, as [0.6, 0.6, 0.4]")
            }
            (_, Some(cutoff)) if !cutoff.iter().all(|&frequency| frequency <= MOST_FREQUENCY) => {
                wrong("cutoff", cutoff, "a highest frequency of up to 128 for every ring, as [0, 2, 2]")
            }
            _ => Ok(()),
        }
    }

    fn of_kernel(&self, kernel: usize) -> Result<Vec<Ring>> {
        self.check()?;
        let radii = match &self.rings {
            Some(rings) => rings.clone(),
            None => (0..=kernel / 2).map(|radius| radius as f64).collect(),
        };
        let fits = |key: &str, found: usize| match found == radii.len() {
            true => Ok(()),
            false => {
                let count = radii.len();
                Err(Error::invalid(format!(
                    "{key} has {found} numbers, but {kernel}×{kernel} filters have {count} rings"
                )))
            }
        };
        let sigma = match &self.sigma {
            Some(sigma) => sigma.clone(),
            None => (0..radii.len()).map(|n| SIGMA[usize::from(n + 1 == radii.len())]).collect(),
        };
        let cutoff = match &self.cutoff {
            Some(cutoff) => cutoff.clone(),
            None => (0..radii.len()).map(|n| published_cutoff(radii[n], n + 1 == radii.len())).collect(),
        };
        fits("sigma", sigma.len())?;
        fits("cutoff", cutoff.len())?;
        let rings = radii.iter().zip(sigma).zip(cutoff);
        Ok(rings.map(|((&radius, sigma), cutoff)| Ring { radius, sigma, cutoff }).collect())
    }
}

fn published_cutoff(radius: f64, outermost: bool) -> u32 {
    let radius = radius.round() as u32;
    match (radius, outermost) {
        (0, _) => 0,
        (_, true) => 2,
        (odd, false) if odd % 2 == 1 => 2 * odd,
        (even, false) => 2 * even - 1,
    }
}

/// The sum of the squares of a function over the pixels; of two functions the mean of both.
fn norm(ring: Ring, frequency: u32, kernel: usize) -> f64 {
    let square = |x| {
        let [cosine, sine] = harmonic(ring, frequency, x);
        cosine * cosine + sine * sine
    };
    let sum: f64 = pixels(kernel).map(square).sum();
    if frequency == 0 { sum } else { sum / 2.0 }
}

/// The pixels of a filter from its middle, row by row; x to the right, y up.
fn pixels(kernel: usize) -> impl Iterator<Item = Vector2<f64>> {
    let middle = (kernel as f64 - 1.0) / 2.0;
    (0..kernel * kernel).map(move |n| Vector2::new((n % kernel) as f64 - middle, middle - (n / kernel) as f64))
}

/// The profile at x times cos kφ and sin kφ.
fn harmonic(Ring { radius, sigma, .. }: Ring, frequency: u32, x: Vector2<f64>) -> [f64; 2] {
    let distance = x.norm();
    let profile = (-(distance - radius).powi(2) / (2.0 * sigma * sigma)).exp();
    if frequency == 0 {
        return [profile, 0.0];
    }
    if distance == 0.0 {
        return [0.0; 2];
    }
    // As powers of a complex number, which quarter turns and mirrors take to themselves without rounding.
    let unit = x / distance;
    let times = |[a, b]: [f64; 2]| [a * unit.x - b * unit.y, a * unit.y + b * unit.x];
    (0..frequency).fold([1.0, 0.0], |power, _| times(power)).map(|value| profile * value)
}

impl RingBasis {
    /// Without the functions whose copies for all elements are combinations of those of the functions before them (Gram and Schmidt's
    /// algorithm).
    fn independent(mut self, group: &PointGroup) -> Self {
        let copies: Vec<Vec<f64>> = group.elements().map(|g| self.moved(group, g)).collect();
        let area = self.kernel * self.kernel;
        let mut kept: Vec<DVector<f64>> = Vec::new();
        let mut place = 0;
        self.functions.retain(|_| {
            let orbit = copies.iter().flat_map(|copy| &copy[place * area..(place + 1) * area]);
            let orbit = DVector::from_iterator(copies.len() * area, orbit.copied());
            place += 1;
            // Twice, since rounding leaves something of the first.
            let project = |rest: DVector<f64>| kept.iter().fold(rest, |rest, unit| &rest - unit * unit.dot(&rest));
            let rest = project(project(orbit.clone()));
            let is_new = rest.norm() > DEPENDENT * orbit.norm();
            if is_new {
                kept.push(rest.normalize());
            }
            is_new
        });
        self
    }

    /// Number of functions, B.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Whether it has no functions; none has.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The functions that `g` moves, ψ(g⁻¹x), shape (B, k, k): sampled anew, so that nothing is interpolated.
    pub fn moved(&self, group: &PointGroup, g: usize) -> Vec<f64> {
        let back = group.matrix(group.inverse(g));
        let moved: Vec<Vector2<f64>> = pixels(self.kernel).map(|x| back * x).collect();
        let value =
            |of: &Function, x: &Vector2<f64>| of.scale * harmonic(of.ring, of.frequency, *x)[usize::from(of.sine)];
        self.functions.iter().flat_map(|of| moved.iter().map(move |x| value(of, x))).collect()
    }
}
