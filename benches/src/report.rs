use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::figure::Figure;

/// Everything one run has taken: what the JSON file holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// When the run began, as RFC 3339.
    pub(crate) began: String,
    pub(crate) machine: Machine,
    pub(crate) measures: Vec<Taken>,
}

/// The figures of one measure.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) figures: Vec<Figure>,
}

/// Where a run took place.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    /// In bytes.
    pub(crate) memory: u64,
    pub(crate) kernel: String,
}

impl Report {
    pub(crate) fn of(measures: Vec<Taken>) -> Self {
        Self {
            began: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            machine: Machine::this(),
            measures,
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("a report is not JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Machine {
    /// This machine, as far as it tells.
    fn this() -> Self {
        use procfs::Current as _;
        let unknown = || "unknown".to_owned();
        let processor = procfs::CpuInfo::current().ok().and_then(|processors| {
            let model = processors.get_field(0, "model name");
            model.map(str::to_owned)
        });
        let kernel = procfs::sys::kernel::Version::current();
        Self {
            processor: processor.unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: procfs::Meminfo::current().map_or(0, |memory| memory.mem_total),
            kernel: kernel.map_or_else(
                |_| unknown(),
                |it| format!("Linux {}.{}.{}", it.major, it.minor, it.patch),
            ),
        }
    }
}
