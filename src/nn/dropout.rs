//! Dropout by field.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::Rng;

use super::{FieldType, Layer, Mode};
use crate::error::{Error, Result};
use crate::kernel::FeatureMap;
use crate::rng::Stream;

/// Dropout (Srivastava et al. 2014) of single pixels of a field; the maps of a field lose the same pixels.
#[derive(Clone, Debug)]
pub struct FieldDropout {
    fields: FieldType,
    rate: f64,
    /// Of its own, for where no mode brings one.
    stream: Option<Arc<Mutex<Stream>>>,
}

impl FieldDropout {
    /// Drops entries with probability `rate` during training, and scales the others up to keep the mean.
    ///
    /// # Errors
    /// When `rate` isn't in [0, 1).
    pub fn new(fields: FieldType, rate: f64) -> Result<Self> {
        Self::check(rate)?;
        Ok(Self { fields, rate, stream: None })
    }

    /// Refuses what isn't a rate.
    pub(crate) fn check(rate: f64) -> Result<()> {
        match (0.0..1.0).contains(&rate) {
            true => Ok(()),
            false => Err(Error::invalid(format!("dropout = {rate}, but it's a probability in [0, 1)"))),
        }
    }

    /// With random numbers of its own, for its use as a module of candle: [`Mode::Training`] brings others. Every call takes the
    /// next ones, and clones take them from the same stream; each layer of a network should have a stream of another name
    /// ([`rng::stream`](crate::rng::stream)), so that they don't drop the same.
    #[must_use]
    pub fn with_stream(self, stream: Stream) -> Self {
        Self { stream: Some(Arc::new(Mutex::new(stream))), ..self }
    }

    pub(super) fn stream(&self) -> Option<MutexGuard<'_, Stream>> {
        // Any state of a stream is as good as another.
        Some(self.stream.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Words that are drawn at once: one by one they took a sixth of a training step.
const WORDS: usize = 512;

/// Draws what is kept: the answers of `stream.random::<f64>() >= rate`.
struct Kept<'a> {
    stream: &'a mut Stream,
    /// What isn't kept lies below.
    threshold: u64,
    /// Words of 64 bits, as bytes.
    drawn: [u8; 8 * WORDS],
    /// Bytes that are used, and those that there are.
    used: usize,
    length: usize,
    /// How many more can be drawn: the stream has other readers after this one.
    left: usize,
}

impl<'a> Kept<'a> {
    fn new(stream: &'a mut Stream, rate: f64, count: usize) -> Self {
        // A random number is one of 53 bits divided by 2⁵³, by which a product is exact.
        let threshold = (rate * (1u64 << 53) as f64).ceil() as u64;
        Self { stream, threshold, drawn: [0; 8 * WORDS], used: 0, length: 0, left: count }
    }

    /// # Panics
    /// When more are asked for than were announced.
    #[inline]
    fn next(&mut self) -> bool {
        if self.used == self.length {
            assert!(self.left > 0, "more draws than were announced");
            let words = self.left.min(WORDS);
            self.left -= words;
            (self.used, self.length) = (0, 8 * words);
            self.stream.fill_bytes(&mut self.drawn[..self.length]);
        }
        let word: [u8; 8] = std::array::from_fn(|n| self.drawn[self.used + n]);
        self.used += 8;
        u64::from_le_bytes(word) >> 11 >= self.threshold
    }
}

impl Layer for FieldDropout {
    fn apply(&self, input: FeatureMap, mode: &mut Mode) -> Result<FeatureMap> {
        let [batch, maps, height, width] = input.dims()?;
        self.fields.check(&[batch, maps, height, width])?;
        let Mode::Training(stream) = mode else { return Ok(input) };
        let fields = self.fields.fields;
        let mut kept = Kept::new(stream, self.rate, batch * fields * height * width);
        Ok(input.mask(fields, 1.0 / (1.0 - self.rate) as f32, || kept.next())?)
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::rng::stream;

    /// Whatever the stream's state is, and with others reading it before and after.
    #[test]
    fn what_is_kept_is_what_single_draws_say() {
        let [mut one, mut many] = [0; 2].map(|_| stream(3, "dropout"));
        for (rate, count) in [(0.3, 5), (0.5, 2 * WORDS + 7), (0.0, 10), (0.999, WORDS), (1e-300, 3)] {
            assert_eq!(one.random::<u32>(), many.random::<u32>());
            let singles: Vec<bool> = (0..count).map(|_| one.random::<f64>() >= rate).collect();
            let mut kept = Kept::new(&mut many, rate, count);
            let drawn: Vec<bool> = (0..count).map(|_| kept.next()).collect();
            assert_eq!(singles, drawn, "{rate}");
        }
        assert_eq!(one.random::<u64>(), many.random::<u64>());
    }
}
