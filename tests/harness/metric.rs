use anyhow::{Context as _, Result};
use ipc_core::metrics::Metrics;

/// The value of the one series whose name and labels begin so; 0 where it has not been touched yet.
///
/// # Errors
///
/// When several series begin so, or its value is no number.
pub fn metric(metrics: &Metrics, series: &str) -> Result<f64> {
    let text = metrics.render();
    let mut samples = text.lines().filter(|line| line.starts_with(series));
    let Some(sample) = samples.next() else {
        return Ok(0.0);
    };
    anyhow::ensure!(samples.next().is_none(), "{series} is several series");
    let (_, value) = sample.rsplit_once(' ').context("no value")?;
    Ok(value.parse()?)
}
