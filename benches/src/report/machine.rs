use std::fmt;

use procfs::Current as _;
use serde::{Deserialize, Serialize};

/// Where a run took place, without what names the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    /// In bytes.
    pub(crate) memory: u64,
    pub(crate) kernel: String,
}

impl Machine {
    /// This machine, as far as it tells.
    pub(super) fn this() -> Self {
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

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            processor,
            cores,
            memory,
            kernel,
        } = self;
        let gibibytes = *memory as f64 / f64::from(1 << 30);
        write!(
            f,
            "{cores} cores ({processor}), {gibibytes:.0} GiB, {kernel}"
        )
    }
}
