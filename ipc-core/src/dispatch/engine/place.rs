//! Where a job stands while its task has it.

use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::dispatch::job::Job;
use crate::envelope::CorrelationId;
use crate::metrics::Held;
use crate::transport::TopicPartition;

/// What is left of a job while its task has it.
pub(super) struct Started {
    pub(super) place: Place,
    pub(super) abort: AbortHandle,
    pub(super) correlation_id: Option<CorrelationId>,
    pub(super) endpoint: Arc<str>,
    pub(super) _in_flight: Option<Held>,
}

/// Where a job stands: enough to take it out of everything it entered.
pub(super) struct Place {
    pub(super) partition: TopicPartition,
    pub(super) epoch: u64,
    pub(super) offset: i64,
    pub(super) more_offsets: Vec<i64>,
    pub(super) lane: Option<bytes::Bytes>,
    pub(super) endpoint: Option<Arc<str>>,
    pub(super) in_reserve: bool,
}

impl Place {
    pub(super) fn of(job: &Job) -> Self {
        let policy = &job.delivery.policy;
        Self {
            partition: job.partition().clone(),
            epoch: job.epoch,
            offset: job.offset(),
            more_offsets: job.more_offsets.clone(),
            lane: job.lane().cloned(),
            endpoint: policy.concurrency.map(|_| Arc::clone(&policy.name)),
            in_reserve: job.in_reserve,
        }
    }
}
