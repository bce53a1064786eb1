//! Affine maps of the plane, and images seen through them.

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
            let start = self.apply([row as f64 - middle[0], -middle[1]]);
            let [mut y, mut x] = [start[0] + middle[0], start[1] + middle[1]];
            let step = [self.0[0][1], self.0[1][1]];
            let first = [y, x];
            for (column, to) in to.iter_mut().enumerate() {
                // Not summed up, which would lose whole numbers on the way.
                [y, x] = [first[0] + step[0] * column as f64, first[1] + step[1] * column as f64];
                *to = sample(from, size, y, x);
            }
        }
    }
}

/// The image between its pixels.
fn sample(image: &[f32], [height, width]: [usize; 2], y: f64, x: f64) -> f32 {
    let (top, left) = (y.floor(), x.floor());
    if !(top >= -1.0 && left >= -1.0 && top < height as f64 && left < width as f64) {
        return 0.0;
    }
    let (down, right) = ((y - top) as f32, (x - left) as f32);
    let (top, left) = (top as isize, left as isize);
    let pixel = |row: isize, column: isize| {
        let inside = (0..height as isize).contains(&row) && (0..width as isize).contains(&column);
        if inside { image[row as usize * width + column as usize] } else { 0.0 }
    };
    let between = |row| pixel(row, left) * (1.0 - right) + pixel(row, left + 1) * right;
    between(top) * (1.0 - down) + between(top + 1) * down
}
