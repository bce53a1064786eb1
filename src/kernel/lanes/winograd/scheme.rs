//! Winograd's schemes: which there are, and the matrices that they consist of.
//!
//! F(m×m, r×r) evaluates polynomials at n = m + r − 1 points: 0, pairs ±p, and infinity (Toom and Cook). The pairs are ±1 for
//! 4 points; for 6 they are ±2/3 and ±3/2, since the usual ±1 and ±2 lose two to four times as much accuracy; for 8 they are
//! ±1/2, ±1 and ±2, the best of some hundred that were tried. Over 16 maps F(4×4, 5×5) is off by 3·10⁻⁶ of the largest output,
//! F(2×2, 5×5) by 6·10⁻⁷. The entries of 0, of infinity and of both points of a pair differ in parity only, of which the transforms make use.

use crate::kernel::geometry::Geometry;

/// A scheme, by outputs and kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// F(2×2, 3×3): 4 products per output instead of 9.
    F2x3,
    /// F(4×4, 3×3): 2.25 instead of 9.
    F4x3,
    /// F(2×2, 5×5): 9 instead of 25.
    F2x5,
    /// F(4×4, 5×5): 4 instead of 25.
    F4x5,
    /// F(3×3, 4×4) for the four pieces of a 7×7 kernel, which are 3 and 4 taps long, as long as a tile is from the next: 16
    /// instead of 49.
    F3x7,
}

/// The matrices of F(M×M, R×R) with N = M + R − 1 points.
pub struct Matrices<const N: usize, const M: usize, const R: usize>;

impl<const N: usize, const M: usize, const R: usize> Matrices<N, M, R> {
    /// Bᵀ, from the input to points.
    pub const INPUT: [[f32; N]; N] = rounded(input::<N>());
    /// A, from the output's gradient to points.
    pub const OUTPUT: [[f32; M]; N] = rounded(powers::<N, M>());
    /// G, from filters to points.
    pub const FILTERS: [[f32; R]; N] = rounded(filters::<N, R>());
}

/// The numbers of a scheme along one axis.
#[derive(Clone, Copy)]
pub struct Numbers {
    pub outputs: usize,
    pub kernel: usize,
    /// Pieces of the kernel: as many taps each as there are outputs, but for the last.
    pub pieces: usize,
}

impl Numbers {
    pub fn points(self) -> usize {
        let longest = self.kernel - self.outputs * (self.pieces - 1);
        self.outputs + longest - 1
    }

    /// Products of a tile for a pair of maps.
    pub fn products(self) -> usize {
        (self.points() * self.pieces).pow(2)
    }
}

impl Scheme {
    const ALL: [Self; 5] = [Self::F2x3, Self::F4x3, Self::F2x5, Self::F4x5, Self::F3x7];

    /// The scheme with the fewest products; `None` where the definition has no more.
    pub fn of(g: &Geometry) -> Option<Self> {
        // The gradient of the input is a convolution of the output's with what padding the kernel leaves.
        let can_be_turned = |numbers: Numbers| numbers.pieces == 1 || g.window.padding < numbers.kernel;
        let fits = |scheme: &Self| {
            let numbers = scheme.numbers();
            g.window.stride == 1 && g.kernel == [numbers.kernel; 2] && can_be_turned(numbers)
        };
        let products = |scheme: &Self| scheme.numbers().products() * scheme.tiles(g);
        let scheme = Self::ALL.into_iter().filter(fits).min_by_key(products)?;
        let by_definition = g.taps() * g.out_pixels();
        (products(&scheme) < by_definition).then_some(scheme)
    }

    /// Its numbers.
    pub fn numbers(self) -> Numbers {
        match self {
            Self::F2x3 => Numbers { outputs: 2, kernel: 3, pieces: 1 },
            Self::F4x3 => Numbers { outputs: 4, kernel: 3, pieces: 1 },
            Self::F2x5 => Numbers { outputs: 2, kernel: 5, pieces: 1 },
            Self::F4x5 => Numbers { outputs: 4, kernel: 5, pieces: 1 },
            Self::F3x7 => Numbers { outputs: 3, kernel: 7, pieces: 2 },
        }
    }

    /// Tiles of an image.
    pub fn tiles(self, g: &Geometry) -> usize {
        g.out_size.iter().map(|pixels| pixels.div_ceil(self.numbers().outputs)).product()
    }
}

/// The pass that has all rows of points.
pub const ALL: usize = usize::MAX;

/// Whether row `n` of `points` is worked on in `pass`: those of 0 and of infinity in pass 0, the pairs one after the other.
pub const fn in_pass(pass: usize, points: usize, n: usize) -> bool {
    pass == ALL || (n + 1) % points / 2 == pass
}

/// The rows of `pass`.
pub fn rows_of(pass: usize, points: usize) -> impl Iterator<Item = usize> {
    (0..points).filter(move |&n| in_pass(pass, points, n))
}

/// The p of the pairs ±p among `points` points. The compiler evaluates it: other numbers of points don't compile.
const fn pairs(points: usize) -> &'static [f64] {
    match points {
        4 => &[1.0],
        6 => &[2.0 / 3.0, 3.0 / 2.0],
        8 => &[0.5, 1.0, 2.0],
        _ => panic!("there are schemes of 4, of 6 and of 8 points"),
    }
}

/// Point `n` of `points`; the last is infinity.
const fn point(points: usize, n: usize) -> f64 {
    match n {
        0 => 0.0,
        _ if n == points - 1 => f64::INFINITY,
        _ if n % 2 == 1 => pairs(points)[(n - 1) / 2],
        _ => -pairs(points)[(n - 1) / 2],
    }
}

/// Row by row the powers of a point, and of infinity the last one alone: what evaluates polynomials.
const fn powers<const N: usize, const L: usize>() -> [[f64; L]; N] {
    let mut rows = [[0.0; L]; N];
    let mut n = 0;
    while n < N - 1 {
        let mut power = 1.0;
        let mut l = 0;
        while l < L {
            rows[n][l] = power;
            power *= point(N, n);
            l += 1;
        }
        n += 1;
    }
    rows[N - 1][L - 1] = 1.0;
    rows
}

/// Row by row the coefficients of the polynomial that is 0 at all points but one; of infinity, at all that are finite.
const fn input<const N: usize>() -> [[f64; N]; N] {
    let mut rows = [[0.0; N]; N];
    let mut n = 0;
    while n < N {
        rows[n][0] = 1.0;
        let mut k = 0;
        while k < N - 1 {
            if k != n {
                // Times (x − point k).
                let mut l = N - 1;
                while l > 0 {
                    rows[n][l] = rows[n][l - 1] - point(N, k) * rows[n][l];
                    l -= 1;
                }
                rows[n][0] *= -point(N, k);
            }
            k += 1;
        }
        n += 1;
    }
    rows
}

/// As [`powers`], over what the polynomials of [`input`] are at their own points.
const fn filters<const N: usize, const R: usize>() -> [[f64; R]; N] {
    let (polynomials, mut rows) = (input::<N>(), powers::<N, R>());
    let mut n = 0;
    while n < N - 1 {
        let (mut value, mut l) = (0.0, N);
        while l > 0 {
            l -= 1;
            value = value * point(N, n) + polynomials[n][l];
        }
        let mut r = 0;
        while r < R {
            rows[n][r] /= value;
            r += 1;
        }
        n += 1;
    }
    rows
}

const fn rounded<const N: usize, const L: usize>(rows: [[f64; L]; N]) -> [[f32; L]; N] {
    let mut result = [[0.0; L]; N];
    let mut n = 0;
    while n < N {
        let mut l = 0;
        while l < L {
            result[n][l] = rows[n][l] as f32;
            l += 1;
        }
        n += 1;
    }
    result
}

#[cfg(test)]
#[allow(clippy::needless_range_loop)] // Indices are what is written in the definition.
mod tests {
    use super::*;

    /// Aᵀ [(G g) ⊙ (Bᵀ d)] is the convolution of any d and g if it is for the unit vectors.
    fn assert_convolves<const N: usize, const M: usize, const R: usize>() {
        let (input, output, filters) = (input::<N>(), powers::<N, M>(), filters::<N, R>());
        for d in 0..N {
            for g in 0..R {
                for y in 0..M {
                    let found: f64 = (0..N).map(|n| output[n][y] * filters[n][g] * input[n][d]).sum();
                    let expected = if d == y + g { 1.0 } else { 0.0 };
                    assert!((found - expected).abs() < 1e-14, "d {d}, g {g}, y {y}: {found}");
                }
            }
        }
    }

    #[test]
    fn schemes_convolve() {
        assert_convolves::<4, 2, 3>();
        assert_convolves::<6, 4, 3>();
        assert_convolves::<6, 2, 5>();
        assert_convolves::<8, 4, 5>();
        assert_convolves::<6, 3, 4>();
    }

    #[test]
    fn points_of_a_pair_differ_in_parity() {
        fn assert_pairs<const N: usize, const L: usize>(rows: [[f32; L]; N]) {
            for pair in (1..N - 1).step_by(2) {
                for l in 0..L {
                    let sign = if l % 2 == 0 { 1.0 } else { -1.0 };
                    assert_eq!(rows[pair][l], sign * rows[pair + 1][l]);
                }
            }
        }
        assert_pairs(Matrices::<4, 2, 3>::INPUT);
        assert_pairs(Matrices::<6, 4, 3>::INPUT);
        assert_pairs(Matrices::<6, 4, 3>::OUTPUT);
        assert_pairs(Matrices::<6, 4, 3>::FILTERS);
        assert_pairs(Matrices::<6, 2, 5>::FILTERS);
        assert_pairs(Matrices::<8, 4, 5>::INPUT);
        assert_pairs(Matrices::<8, 4, 5>::OUTPUT);
        assert_pairs(Matrices::<8, 4, 5>::FILTERS);
        assert_pairs(Matrices::<6, 3, 4>::OUTPUT);
        assert_pairs(Matrices::<6, 3, 4>::FILTERS);
    }
}
