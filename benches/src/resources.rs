//! What a process has used, as the kernel tells.

use anyhow::{Context, Result};
use procfs::process::Process;

/// The CPU time it has used so far, in seconds; exact to a hundredth.
pub(crate) fn cpu(id: i32) -> Result<f64> {
    let stat = Process::new(id).and_then(|process| process.stat());
    let stat = stat.with_context(|| format!("process {id} does not tell its CPU time"))?;
    Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}

/// The memory it holds now, in bytes.
pub(crate) fn memory(id: i32) -> Result<f64> {
    let status = Process::new(id).and_then(|process| process.status());
    let status = status.with_context(|| format!("process {id} does not tell its memory"))?;
    let resident = status.vmrss.context("the kernel does not tell VmRSS")?;
    Ok(resident as f64 * 1024.0)
}

/// The descriptors it has open now.
pub(crate) fn descriptors(id: i32) -> Result<f64> {
    let open = Process::new(id).and_then(|process| process.fd_count());
    let open = open.with_context(|| format!("process {id} does not tell its descriptors"))?;
    Ok(open as f64)
}
