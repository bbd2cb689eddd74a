//! What a process has used, as the kernel tells.

use anyhow::{Context, Result, ensure};
use procfs::process::Process;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

/// The same, where what it shares with others counts only as its share.
pub(crate) fn share_of_memory(id: i32) -> Result<f64> {
    let maps = Process::new(id).and_then(|process| process.smaps_rollup());
    let maps = maps.with_context(|| format!("process {id} does not tell its share"))?;
    let maps = maps.memory_map_rollup.into_iter();
    let shares: Vec<u64> = maps
        .filter_map(|map| map.extension.map.get("Pss").copied())
        .collect();
    ensure!(!shares.is_empty(), "the kernel does not tell Pss");
    Ok(shares.iter().sum::<u64>() as f64)
}

/// Lets this process open as many descriptors as it may.
pub(crate) fn raise_descriptors() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).context("the limit of descriptors cannot be raised")
}

/// How many it may open.
pub(crate) fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// The descriptors it has open now.
pub(crate) fn descriptors(id: i32) -> Result<f64> {
    let open = Process::new(id).and_then(|process| process.fd_count());
    let open = open.with_context(|| format!("process {id} does not tell its descriptors"))?;
    Ok(open as f64)
}
