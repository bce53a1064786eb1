//! What makes a run: program, processor, threads. It's recorded, not compared: it should change no conclusion.

use serde::{Deserialize, Serialize};

use super::DeviceKind;
use crate::kernel;

/// The program and the machine behind a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maker {
    /// The version of this crate.
    pub crate_version: String,
    /// The commit that it was built from, with `-modified` where files had changed; empty outside a repository.
    pub revision: String,
    /// The processor's name.
    pub processor: String,
    /// Its architecture and the vectors that the kernels use; results agree to the bit only where these do.
    pub instructions: String,
    /// Where it was trained.
    pub device: DeviceKind,
    /// Runs side by side.
    pub jobs: usize,
    /// Threads of each.
    pub threads: usize,
}

impl Maker {
    /// This program on this machine.
    pub fn here(device: DeviceKind, jobs: usize, threads: usize) -> Self {
        let mut system = sysinfo::System::new();
        system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
        let processor = system.cpus().first().map_or(String::new(), |cpu| cpu.brand().trim().to_owned());
        Self {
            crate_version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: env!("EQUISPLIT_REVISION").to_owned(),
            processor,
            instructions: kernel::instructions(),
            device,
            jobs,
            threads,
        }
    }
}
