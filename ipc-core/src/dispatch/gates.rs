//! The bounds a job passes before its handler runs.

use std::collections::HashMap;
use std::sync::Arc;

use super::Limits;
use super::gate::Gate;
use super::job::Job;

/// Every bound that is not a partition's own.
#[derive(Debug)]
pub(super) struct Gates {
    /// Endpoints with a bound of their own, by name.
    endpoints: HashMap<Arc<str>, Gate>,
    everyone: Gate,
    /// Room for nested calls when `everyone` is full.
    nested: Gate,
}

impl Gates {
    pub(super) fn new(limits: &Limits) -> Self {
        let nested = limits.nested_reserve.min(limits.concurrency / 2);
        Self {
            endpoints: HashMap::new(),
            everyone: Gate::new(Some(limits.concurrency - nested)),
            nested: Gate::new(Some(nested)),
        }
    }

    #[inline]
    pub(super) fn enter_endpoint(&mut self, job: Job) -> Option<Job> {
        let policy = &job.record.policy;
        let Some(limit) = policy.concurrency else {
            return Some(job);
        };
        self.endpoints
            .entry(Arc::clone(&policy.name))
            .or_insert_with(|| Gate::new(Some(limit)))
            .enter(job)
    }

    pub(super) fn leave_endpoint(&mut self, name: &str) -> Option<Job> {
        self.endpoints.get_mut(name).and_then(Gate::leave)
    }

    #[inline]
    pub(super) fn enter_instance(&mut self, mut job: Job) -> Option<Job> {
        job.in_reserve = job.is_nested() && self.everyone.is_full() && self.nested.exists();
        if job.in_reserve {
            self.nested.enter(job)
        } else {
            self.everyone.enter(job)
        }
    }

    #[inline]
    pub(super) fn leave_instance(&mut self, in_reserve: bool) -> Option<Job> {
        if in_reserve {
            self.nested.leave()
        } else {
            self.everyone.leave()
        }
    }

    /// Whether any job waits for another to leave.
    pub(super) fn has_waiting(&self) -> bool {
        let mut gates = self
            .endpoints
            .values()
            .chain([&self.everyone, &self.nested]);
        gates.any(Gate::has_waiting)
    }
}
