//! The one place where the device is chosen.

use candle_core::Device;

use crate::error::{Error, Result};

/// Where to train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceChoice {
    /// The first CUDA device if the program is built for it and there's one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

impl DeviceChoice {
    /// The device.
    ///
    /// # Errors
    /// When CUDA is asked for, but the program is built without it or finds no device.
    pub fn device(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto => Ok(Device::cuda_if_available(0)?),
            Self::Cuda if !candle_core::utils::cuda_is_available() => {
                Err(Error::invalid("--device cuda: this program is built without CUDA; build it with --features cuda"))
            }
            Self::Cuda => Device::new_cuda(0).map_err(|e| Error::invalid(format!("--device cuda: {e}"))),
        }
    }
}
