use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use super::{Latency, Sample};

/// Nanoseconds between which latencies are told apart to three digits.
const LEAST: u64 = 1_000;
const GREATEST: u64 = 120_000_000_000;

/// Gathers what becomes of calls.
pub(crate) struct Recorder {
    begun: Instant,
    latencies: Histogram<u64>,
    failed: u64,
}

impl Recorder {
    pub(crate) fn new() -> Result<Self> {
        let latencies = Histogram::new_with_bounds(LEAST, GREATEST, 3);
        Ok(Self {
            begun: Instant::now(),
            latencies: latencies.context("the histogram's bounds are wrong")?,
            failed: 0,
        })
    }

    pub(crate) fn done(&mut self, after: Duration) {
        let nanoseconds = u64::try_from(after.as_nanos()).unwrap_or(GREATEST);
        self.latencies.saturating_record(nanoseconds);
    }

    pub(crate) fn failed(&mut self) {
        self.failed += 1;
    }

    /// Adds what another has gathered meanwhile.
    pub(crate) fn join(&mut self, other: &Self) -> Result<()> {
        let joined = self.latencies.add(&other.latencies);
        joined.context("two histograms have different bounds")?;
        self.failed += other.failed;
        Ok(())
    }

    /// Everything since it was made.
    pub(crate) fn sample(&self) -> Sample {
        let at = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e9;
        Sample {
            done: self.latencies.len(),
            failed: self.failed,
            seconds: self.begun.elapsed().as_secs_f64(),
            latency: Latency {
                p50: at(0.5),
                p90: at(0.9),
                p99: at(0.99),
                p999: at(0.999),
                max: self.latencies.max() as f64 / 1e9,
            },
        }
    }
}
