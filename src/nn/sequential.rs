//! Modules one after the other.

use candle_core::{ModuleT, Result, Tensor};

/// Modules one after the other, of which some differ in training: what candle's `Sequential` is for those that don't. Takes
/// layers of this crate and candle's alike.
#[derive(Default)]
pub struct SequentialT {
    modules: Vec<Box<dyn ModuleT + Send + Sync>>,
}

/// No modules yet.
pub fn seq_t() -> SequentialT {
    SequentialT::default()
}

impl SequentialT {
    /// Adds a module behind the others.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "candle's Sequential names it so")]
    pub fn add(mut self, module: impl ModuleT + Send + Sync + 'static) -> Self {
        self.modules.push(Box::new(module));
        self
    }

    /// Adds a function behind the others.
    #[must_use]
    pub fn add_fn(self, function: impl Fn(&Tensor) -> Result<Tensor> + Send + Sync + 'static) -> Self {
        self.add(function)
    }

    /// Number of modules.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }
}

impl ModuleT for SequentialT {
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        self.modules.iter().try_fold(xs.clone(), |xs, module| module.forward_t(&xs, train))
    }
}
