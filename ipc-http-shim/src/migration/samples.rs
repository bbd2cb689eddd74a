//! The differences that were found last.

use std::collections::VecDeque;

use ipc_core::envelope::UnixMillis;
use parking_lot::Mutex;
use serde::Serialize;

use super::compare::{Class, Difference};

/// How many are kept of a route. Each has at most 16 differences of at most about 500
/// bytes.
const KEPT: usize = 20;

/// A pair of answers that differ, as far as it may be shown.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// When they were compared, in Unix milliseconds.
    pub at: u64,
    /// The request's method.
    pub method: String,
    /// The shadow's correlation id.
    pub correlation_id: Option<String>,
    /// In what they differ.
    pub class: Class,
    /// Where they differ: at most 16 places.
    pub differences: Vec<Difference>,
}

impl Sample {
    pub(crate) fn new(
        at: UnixMillis,
        method: &http::Method,
        correlation_id: Option<String>,
        class: Class,
        differences: Vec<Difference>,
    ) -> Self {
        Self {
            at: at.0,
            method: method.to_string(),
            correlation_id,
            class,
            differences,
        }
    }
}

/// The samples of a route: the last ones.
#[derive(Debug, Default)]
pub(crate) struct Samples(Mutex<VecDeque<Sample>>);

impl Samples {
    pub(crate) fn keep(&self, sample: Sample) {
        let mut kept = self.0.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(sample);
    }

    /// The newest first.
    pub(crate) fn newest(&self) -> Vec<Sample> {
        self.0.lock().iter().rev().cloned().collect()
    }
}
