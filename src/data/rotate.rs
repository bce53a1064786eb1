//! Rotation and change of size of one image plane (height, width), row by row.

/// Rotates a plane about its centre ((height − 1)/2, (width − 1)/2) by `angle` radians, counter-clockwise as seen (the
/// sense of numpy's `rot90`), with bilinear interpolation; what lies outside the plane is 0.
///
/// # Panics
/// If `image` or `out` doesn't have height · width values.
pub fn rotate(image: &[f32], height: usize, width: usize, angle: f64, out: &mut [f32]) {
    assert_eq!((image.len(), out.len()), (height * width, height * width), "plane of {height}×{width}");
    let (sin, cos) = angle.sin_cos();
    let (centre_row, centre_col) = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
    for (row, line) in out.chunks_exact_mut(width).enumerate() {
        let down = row as f64 - centre_row;
        for (col, value) in line.iter_mut().enumerate() {
            let right = col as f64 - centre_col;
            let source_row = centre_row + right * sin + down * cos;
            let source_col = centre_col + right * cos - down * sin;
            *value = sample(image, height, width, source_row, source_col);
        }
    }
}

/// Bilinear interpolation at a fractional position; pixels outside the plane count as 0.
#[inline]
pub(super) fn sample(image: &[f32], height: usize, width: usize, row: f64, col: f64) -> f32 {
    // Most positions have all four neighbours. For them rounding down is a plain conversion, which is what makes it fast.
    if row >= 0.0 && col >= 0.0 && row < height as f64 - 1.0 && col < width as f64 - 1.0 {
        let (top, left) = (row as u32, col as u32);
        let first = top as usize * width + left as usize;
        let [upper, lower] = [first, first + width].map(|at| (image[at], image[at + 1]));
        blend(upper, lower, (row - f64::from(top)) as f32, (col - f64::from(left)) as f32)
    } else if row <= -1.0 || col <= -1.0 || row >= height as f64 || col >= width as f64 {
        0.0
    } else {
        sample_at_edge(image, height, width, row, col)
    }
}

fn sample_at_edge(image: &[f32], height: usize, width: usize, row: f64, col: f64) -> f32 {
    let (top, left) = (row.floor(), col.floor());
    let at = |row: f64, col: f64| {
        let inside = row >= 0.0 && col >= 0.0 && row < height as f64 && col < width as f64;
        if inside { image[row as usize * width + col as usize] } else { 0.0 }
    };
    let [upper, lower] = [top, top + 1.0].map(|row| (at(row, left), at(row, left + 1.0)));
    blend(upper, lower, (row - top) as f32, (col - left) as f32)
}

/// Mean of two pairs of neighbours; `below` weighs the lower pair, `beside` the right one of each.
#[inline]
fn blend(upper: (f32, f32), lower: (f32, f32), below: f32, beside: f32) -> f32 {
    let upper = upper.0 + (upper.1 - upper.0) * beside;
    let lower = lower.0 + (lower.1 - lower.0) * beside;
    upper + (lower - upper) * below
}

/// Enlarges a plane by a whole `factor`, bilinearly: pixels are areas, so that output pixel o lies at
/// (o + 1/2)/factor − 1/2 of the input, and positions beyond the outermost pixel centres take the outermost pixel.
/// `out` has factor·height rows of factor·width values.
///
/// # Panics
/// If the lengths don't fit, or for an empty plane.
pub fn upsample(image: &[f32], height: usize, width: usize, factor: usize, out: &mut [f32]) {
    assert_eq!(image.len(), height * width, "plane of {height}×{width}");
    assert_eq!(out.len(), height * width * factor * factor, "plane of {height}×{width} enlarged {factor} times");
    let columns: Vec<_> = (0..factor * width).map(|col| neighbours(col, factor, width)).collect();
    for (row, line) in out.chunks_exact_mut(factor * width).enumerate() {
        let (top, bottom, below) = neighbours(row, factor, height);
        let (top, bottom) = (&image[top * width..][..width], &image[bottom * width..][..width]);
        for (value, &(left, right, beside)) in line.iter_mut().zip(&columns) {
            *value = blend((top[left], top[right]), (bottom[left], bottom[right]), below, beside);
        }
    }
}

/// The two input pixels on either side of an enlarged pixel, and the weight of the second.
fn neighbours(position: usize, factor: usize, length: usize) -> (usize, usize, f32) {
    let last = (length - 1) as f32;
    let source = ((position as f32 + 0.5) / factor as f32 - 0.5).clamp(0.0, last);
    let first = source.floor() as usize;
    (first, (first + 1).min(length - 1), source - source.floor())
}

/// Shrinks a plane by a whole `factor`: each of the height·width values of `out` is the mean of its factor × factor block
/// of `image`, which has factor·height rows of factor·width values.
///
/// # Panics
/// If the lengths don't fit.
pub fn downsample(image: &[f32], height: usize, width: usize, factor: usize, out: &mut [f32]) {
    assert_eq!(out.len(), height * width, "plane of {height}×{width}");
    assert_eq!(image.len(), height * width * factor * factor, "plane of {height}×{width} enlarged {factor} times");
    let scale = 1.0 / (factor * factor) as f32;
    for (line, rows) in out.chunks_exact_mut(width).zip(image.chunks_exact(factor * factor * width)) {
        line.fill(0.0);
        for row in rows.chunks_exact(factor * width) {
            for (value, part) in line.iter_mut().zip(row.chunks_exact(factor)) {
                *value += part.iter().sum::<f32>() * scale;
            }
        }
    }
}
