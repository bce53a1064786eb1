//! The one place where the device is chosen.

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where to train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first CUDA device if the program is built for it and can use one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// The kind of a device, as records name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// The CPU.
    Cpu,
    /// A CUDA device.
    Cuda,
    /// An Apple GPU, which no choice leads to yet.
    Metal,
}

impl DeviceKind {
    /// The kind of `device`.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Cpu => Self::Cpu,
            Device::Cuda(_) => Self::Cuda,
            Device::Metal(_) => Self::Metal,
        }
    }
}

impl DeviceChoice {
    /// The device.
    ///
    /// # Errors
    /// When CUDA is asked for, but the program is built without it or can't use a device.
    pub fn device(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            // candle's `cuda_if_available` only tells how the program was built.
            Self::Auto => Ok(Device::cuda_if_available(0).unwrap_or(Device::Cpu)),
            Self::Cuda if !candle_core::utils::cuda_is_available() => {
                Err(Error::invalid("--device cuda: this program is built without CUDA; build it with --features cuda"))
            }
            Self::Cuda => Device::new_cuda(0).map_err(|e| Error::invalid(format!("--device cuda: {e}"))),
        }
    }
}
