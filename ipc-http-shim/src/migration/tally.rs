//! What a route's requests came to, since it reached its stage.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::compare::Class;

/// How many requests came to what. Only grows while a stage lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Requests the legacy upstream answered.
    pub legacy: u64,
    /// Of those, how many failed: no answer, or one from 500 on.
    pub legacy_failed: u64,
    /// Requests sent to the service, shadows included.
    pub kafka: u64,
    /// Of those, how many failed: no reply, or one from 500 on.
    pub kafka_failed: u64,
    /// Of those, how many took longer than the bound of 99 of 100.
    pub kafka_slow: u64,
    /// Requests the legacy upstream answered after the service did not.
    pub fell_back: u64,
    /// Shadows whose answer was compared.
    pub compared: u64,
    /// Of those, how many differ in their status.
    pub differ_status: u64,
    /// Of those, how many differ in a header.
    pub differ_header: u64,
    /// Of those, how many differ in their JSON document.
    pub differ_json: u64,
    /// Of those, how many differ in other bytes.
    pub differ_bytes: u64,
    /// Shadows that were left out, or whose answers could not be compared.
    pub not_compared: u64,
}

impl Counts {
    /// How many answers differ, in whatever.
    #[must_use]
    pub fn differ(&self) -> u64 {
        self.differ_status + self.differ_header + self.differ_json + self.differ_bytes
    }

    /// Applies `with` to every pair of counts.
    pub(crate) fn zip(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            legacy: with(self.legacy, other.legacy),
            legacy_failed: with(self.legacy_failed, other.legacy_failed),
            kafka: with(self.kafka, other.kafka),
            kafka_failed: with(self.kafka_failed, other.kafka_failed),
            kafka_slow: with(self.kafka_slow, other.kafka_slow),
            fell_back: with(self.fell_back, other.fell_back),
            compared: with(self.compared, other.compared),
            differ_status: with(self.differ_status, other.differ_status),
            differ_header: with(self.differ_header, other.differ_header),
            differ_json: with(self.differ_json, other.differ_json),
            differ_bytes: with(self.differ_bytes, other.differ_bytes),
            not_compared: with(self.not_compared, other.not_compared),
        }
    }
}

/// Counts that many tasks add to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    legacy: AtomicU64,
    legacy_failed: AtomicU64,
    kafka: AtomicU64,
    kafka_failed: AtomicU64,
    kafka_slow: AtomicU64,
    fell_back: AtomicU64,
    compared: AtomicU64,
    differ_status: AtomicU64,
    differ_header: AtomicU64,
    differ_json: AtomicU64,
    differ_bytes: AtomicU64,
    not_compared: AtomicU64,
}

impl Tally {
    pub(crate) fn legacy_answered(&self, failed: bool) {
        add(&self.legacy);
        add_if(&self.legacy_failed, failed);
    }

    pub(crate) fn kafka_answered(&self, failed: bool, slow: bool) {
        add(&self.kafka);
        add_if(&self.kafka_failed, failed);
        add_if(&self.kafka_slow, slow);
    }

    pub(crate) fn fell_back(&self) {
        add(&self.fell_back);
    }

    pub(crate) fn same(&self) {
        add(&self.compared);
    }

    pub(crate) fn different(&self, class: Class) {
        add(&self.compared);
        add(match class {
            Class::Status => &self.differ_status,
            Class::Header => &self.differ_header,
            Class::Json => &self.differ_json,
            Class::Bytes => &self.differ_bytes,
        });
    }

    pub(crate) fn not_compared(&self) {
        add(&self.not_compared);
    }

    /// What is counted by now. A part is never more than its whole: wholes are
    /// counted before their parts, and read after them.
    pub(crate) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Acquire);
        let differ_status = read(&self.differ_status);
        let differ_header = read(&self.differ_header);
        let differ_json = read(&self.differ_json);
        let differ_bytes = read(&self.differ_bytes);
        let (kafka_failed, kafka_slow) = (read(&self.kafka_failed), read(&self.kafka_slow));
        let legacy_failed = read(&self.legacy_failed);
        Counts {
            legacy: read(&self.legacy),
            legacy_failed,
            kafka: read(&self.kafka),
            kafka_failed,
            kafka_slow,
            fell_back: read(&self.fell_back),
            compared: read(&self.compared),
            differ_status,
            differ_header,
            differ_json,
            differ_bytes,
            not_compared: read(&self.not_compared),
        }
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Release);
}

fn add_if(count: &AtomicU64, it_is_so: bool) {
    if it_is_so {
        add(count);
    }
}
