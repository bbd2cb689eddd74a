use anyhow::{Context, Result};
use procfs::process::Process;

/// The CPU time a process has used so far, in seconds; exact to a hundredth.
pub(super) fn used(id: i32) -> Result<f64> {
    let stat = Process::new(id).and_then(|process| process.stat());
    let stat = stat.with_context(|| format!("process {id} does not tell its CPU time"))?;
    Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}
