use std::collections::HashMap;
use std::process;
use std::time::{Duration, Instant};

use anyhow::Error;
use hdrhistogram::Histogram;

use super::{Latency, Sample};
use crate::resources;

/// Nanoseconds between which latencies are told apart to three digits.
const LEAST: u64 = 1_000;
const GREATEST: u64 = 120_000_000_000;

/// Gathers what becomes of calls.
pub(crate) struct Recorder {
    begun: Instant,
    cpu: f64,
    latencies: Histogram<u64>,
    failed: u64,
    failure: Option<String>,
    /// When each key was answered last.
    answered: HashMap<usize, Instant>,
    longest_gap: Duration,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let latencies = Histogram::new_with_bounds(LEAST, GREATEST, 3);
        Self {
            begun: Instant::now(),
            cpu: own_cpu(),
            latencies: latencies.expect("the bounds are constants, and in order"),
            failed: 0,
            failure: None,
            answered: HashMap::new(),
            longest_gap: Duration::ZERO,
        }
    }

    pub(crate) fn done(&mut self, after: Duration) {
        let nanoseconds = u64::try_from(after.as_nanos()).unwrap_or(GREATEST);
        self.latencies.saturating_record(nanoseconds);
    }

    /// A call under this key was answered just now.
    pub(crate) fn done_under(&mut self, key: usize, after: Duration) {
        self.done(after);
        let now = Instant::now();
        let before = self.answered.insert(key, now).unwrap_or(self.begun);
        self.longest_gap = self.longest_gap.max(now - before);
    }

    pub(crate) fn failed(&mut self, error: &Error) {
        self.failed += 1;
        self.failure.get_or_insert_with(|| format!("{error:#}"));
    }

    /// Everything since it was made.
    pub(crate) fn sample(&self) -> Sample {
        let at = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e9;
        Sample {
            done: self.latencies.len(),
            failed: self.failed,
            failure: self.failure.clone(),
            seconds: self.begun.elapsed().as_secs_f64(),
            cpu: own_cpu() - self.cpu,
            latency: Latency {
                p50: at(0.5),
                p90: at(0.9),
                p99: at(0.99),
                p999: at(0.999),
                max: self.latencies.max() as f64 / 1e9,
            },
            longest_gap: self.longest_gap.as_secs_f64(),
        }
    }
}

/// Not a number where the kernel does not tell.
fn own_cpu() -> f64 {
    let id = i32::try_from(process::id()).unwrap_or_default();
    resources::cpu(id).unwrap_or(f64::NAN)
}
