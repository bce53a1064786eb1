//! Affine maps of the plane, and images seen through them.

use crate::data::rotate::sample;

/// The map (y, x) → (a y + b x + c, d y + e x + f), in pixels from the middle of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine([[f64; 3]; 2]);

impl Affine {
    pub const IDENTITY: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);

    /// The linear map of this matrix.
    pub fn linear([[a, b], [d, e]]: [[f64; 2]; 2]) -> Self {
        Self([[a, b, 0.0], [d, e, 0.0]])
    }

    /// The map that adds this.
    pub fn shift([y, x]: [f64; 2]) -> Self {
        Self([[1.0, 0.0, y], [0.0, 1.0, x]])
    }

    /// A turn by `quarters` right angles, in whole numbers.
    pub fn quarter_turn(quarters: u32) -> Self {
        let (sine, cosine) = [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)][quarters as usize % 4];
        Self::linear([[cosine, -sine], [sine, cosine]])
    }

    /// A turn by `angle` in radians.
    pub fn turn(angle: f64) -> Self {
        let (sine, cosine) = angle.sin_cos();
        Self::linear([[cosine, -sine], [sine, cosine]])
    }

    /// `first`, and then this.
    pub fn after(self, first: Self) -> Self {
        let (Self(m), Self(n)) = (self, first);
        let row = |r: usize| {
            let product = |c: usize| m[r][0] * n[0][c] + m[r][1] * n[1][c];
            [product(0), product(1), product(2) + m[r][2]]
        };
        Self([row(0), row(1)])
    }

    fn apply(&self, [y, x]: [f64; 2]) -> [f64; 2] {
        self.0.map(|[of_y, of_x, plus]| of_y * y + of_x * x + plus)
    }

    /// Writes to each pixel of `to` what `from`, an image of the same size, has where this map takes it: between pixels by bilinear
    /// interpolation, 0 outside.
    pub fn resample(&self, from: &[f32], size: [usize; 2], to: &mut [f32]) {
        let middle = size.map(|pixels| (pixels as f64 - 1.0) / 2.0);
        for (row, to) in to.chunks_exact_mut(size[1]).enumerate() {
            for (column, to) in to.iter_mut().enumerate() {
                let [y, x] = self.apply([row as f64 - middle[0], column as f64 - middle[1]]);
                let [y, x] = [y + middle[0], x + middle[1]];
                *to = sample(from, size[0], size[1], y, x);
            }
        }
    }
}
