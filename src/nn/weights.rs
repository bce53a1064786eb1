//! The tensors of a network: drawn from named streams, trained, saved and loaded.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Shape, Tensor, Var, bail};
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use rand::distr::{Distribution, Uniform};
use rand_distr::Normal;

use crate::error::{Error, Result};
use crate::rng::{self, Stream};

/// The part of a tensor's path that says that it isn't learned: running statistics and frozen values.
pub(crate) const BUFFERS: &str = "buffers";

/// The tensors of a network by path ("conv1.weight").
///
/// Each is drawn, when a layer first asks for it, from the stream of the seed that is named after its path: the same seed
/// gives the same tensor whatever else the network holds.
#[derive(Clone)]
pub struct Weights {
    seed: u64,
    tensors: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl Weights {
    /// No tensors yet; those to come are drawn with `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, tensors: Arc::default() }
    }

    /// A builder that makes layers draw their tensors from here.
    pub fn builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), dtype, device.clone())
    }

    /// All tensors by path.
    pub fn all(&self) -> BTreeMap<String, Var> {
        self.lock().clone()
    }

    /// The tensors that training changes through gradients, by path.
    pub fn learned(&self) -> BTreeMap<String, Var> {
        let mut tensors = self.all();
        tensors.retain(|path, _| !path.split('.').any(|part| part == BUFFERS));
        tensors
    }

    /// The path of a tensor that holds an infinity or NaN, if there's one.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn first_not_finite(&self) -> Result<Option<String>> {
        for (path, var) in self.all() {
            // Large entries would overflow a sum in f32.
            let sum = var.as_detached_tensor().to_dtype(DType::F64)?.sum_all()?.to_scalar::<f64>()?;
            if !sum.is_finite() {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Sets every tensor to the one of the same path in `values`; other paths there are ignored.
    ///
    /// # Errors
    /// When a path is missing or its tensor has another shape.
    pub fn load(&self, values: &HashMap<String, Tensor>) -> Result<()> {
        for (path, var) in self.lock().iter() {
            let value = values.get(path).ok_or_else(|| Error::invalid(format!("no tensor {path}")))?;
            if value.shape() != var.shape() {
                let shapes = (value.shape(), var.shape());
                return Err(Error::invalid(format!("{path} has the shape {:?}, not {:?}", shapes.0, shapes.1)));
            }
            var.set(&value.to_device(var.device())?.to_dtype(var.dtype())?)?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        // The map is only ever added to, so it's whole even if another thread panicked while holding it.
        self.tensors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimpleBackend for Weights {
    fn get(&self, shape: Shape, path: &str, init: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        let mut tensors = self.lock();
        if let Some(var) = tensors.get(path) {
            if var.shape() != &shape {
                bail!("{path} has the shape {:?}, but {shape:?} is asked for", var.shape())
            }
            return Ok(var.as_tensor().clone());
        }
        let mut stream = rng::stream(self.seed, &format!("weights/{path}"));
        let entries = draw(init, &shape, &mut stream)?;
        let var = Var::from_tensor(&Tensor::from_vec(entries, shape, device)?.to_dtype(dtype)?)?;
        tensors.insert(path.to_owned(), var.clone());
        Ok(var.as_tensor().clone())
    }

    fn get_unchecked(&self, path: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        match self.lock().get(path) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => bail!("no tensor {path}"),
        }
    }

    fn contains_tensor(&self, path: &str) -> bool {
        self.lock().contains_key(path)
    }
}

fn draw(init: Init, shape: &Shape, stream: &mut Stream) -> candle_core::Result<Vec<f64>> {
    let count = shape.elem_count();
    let uniform = |stream: &mut Stream, lo: f64, up: f64| {
        let distribution = Uniform::new(lo, up).map_err(candle_core::Error::wrap)?;
        Ok(distribution.sample_iter(stream).take(count).collect())
    };
    let normal = |stream: &mut Stream, mean: f64, deviation: f64| {
        let distribution = Normal::new(mean, deviation).map_err(candle_core::Error::wrap)?;
        Ok(distribution.sample_iter(stream).take(count).collect())
    };
    match init {
        Init::Const(value) => Ok(vec![value; count]),
        Init::Uniform { lo, up } => uniform(stream, lo, up),
        Init::Randn { mean, stdev } => normal(stream, mean, stdev),
        Init::Kaiming { dist, fan, non_linearity } => {
            let deviation = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
            match dist {
                NormalOrUniform::Normal => normal(stream, 0.0, deviation),
                NormalOrUniform::Uniform => uniform(stream, -deviation * 3f64.sqrt(), deviation * 3f64.sqrt()),
            }
        }
    }
}
