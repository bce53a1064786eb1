//! What images are shifted and scaled by before a network sees them.

use serde::{Deserialize, Serialize};

use crate::data::Images;

/// Which pixels share a mean and a deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// All.
    #[default]
    Pixels,
    /// Those of a channel.
    Channels,
}

/// Means and standard deviations over the pixels of all training images; every image is shifted and scaled by them.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelStatistics {
    /// One for all channels, or one for each.
    parts: Vec<Moments>,
}

/// Those of one part of the pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, at least a tiny positive number.
    pub deviation: f64,
}

impl PixelStatistics {
    /// With a mean and a deviation for all channels, or with some for each.
    pub fn new(parts: Vec<Moments>) -> Self {
        Self { parts }
    }

    /// The statistics of `images`.
    pub fn of(images: &Images, normalisation: Normalisation) -> Self {
        let parts = match normalisation {
            Normalisation::Pixels => 1,
            Normalisation::Channels => images.channels.max(1),
        };
        let length = images.image_len() / parts;
        let of_part = |part: usize| {
            let places = (0..images.len()).map(move |n| (n * parts + part) * length);
            let pixels = || places.clone().flat_map(|start| images.pixels.range(start..start + length)).map(f64::from);
            let count = (images.len() * length).max(1) as f64;
            let mean = pixels().sum::<f64>() / count;
            let variance = pixels().map(|pixel| (pixel - mean).powi(2)).sum::<f64>() / count;
            // Images that are all the same stay finite.
            Moments { mean, deviation: variance.sqrt().max(1e-6) }
        };
        Self { parts: (0..parts).map(of_part).collect() }
    }

    /// What they are, one for all channels or one for each.
    pub fn parts(&self) -> &[Moments] {
        &self.parts
    }

    /// Subtracts from the pixels of an image its mean and divides by the deviation.
    pub fn normalise(&self, pixels: &mut [f32]) {
        let length = pixels.len() / self.parts.len().max(1);
        for (pixels, Moments { mean, deviation }) in pixels.chunks_exact_mut(length.max(1)).zip(&self.parts) {
            let (mean, scale) = (*mean as f32, (1.0 / deviation) as f32);
            pixels.iter_mut().for_each(|pixel| *pixel = (*pixel - mean) * scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_channels_share_statistics_or_each_has_its_own() {
        let pixels = vec![0.0, 0.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5];
        let images = Images { channels: 2, height: 1, width: 2, pixels: pixels.into(), labels: vec![0, 1] };
        let whole = PixelStatistics::of(&images, Normalisation::Pixels);
        assert_eq!(whole.parts(), [Moments { mean: 0.5, deviation: 0.125f64.sqrt() }]);
        let apart = PixelStatistics::of(&images, Normalisation::Channels);
        assert_eq!(apart.parts(), [0.25, 0.75].map(|mean| Moments { mean, deviation: 0.25 }));
        let mut image = [0.5, 0.25, 0.75, 1.0];
        apart.normalise(&mut image);
        assert_eq!(image, [1.0, 0.0, 0.0, 1.0]);
        whole.normalise(&mut image);
        assert_eq!(image[1], -0.5 * (1.0 / 0.125f64.sqrt()) as f32);
    }
}
