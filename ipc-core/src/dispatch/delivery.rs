//! A record on its way to a handler.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::envelope::{Envelope, Malformed, RequestHead, UnixMillis};
use crate::transport::Origin;

use super::Policy;
use crate::metrics::{EndpointMetrics, Metrics};

/// A record with everything dispatch found out about it. What a layer and a
/// handler get.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// What the record says.
    pub envelope: Envelope,
    /// Where it came from.
    pub origin: Origin,
    /// Its headers, read.
    pub head: Arc<RequestHead>,
    /// What its endpoint asks for.
    pub policy: Arc<Policy>,
    /// When the handler must be done, by this process's clock.
    pub finish_by: Instant,
    /// The same by the wall clock, once that is settled: what the handler's own
    /// calls inherit.
    pub answer_by: Option<UnixMillis>,
    /// Why no handler may see it.
    pub(crate) refusal: Option<Refusal>,
    /// Cancelled when its partition goes to another instance or this one drains:
    /// what is still running then should end in a way its caller can resume.
    pub(crate) moving: Arc<CancellationToken>,
    /// What its endpoint counts: looked up once for everyone on its way.
    pub(crate) meter: Option<Arc<EndpointMetrics>>,
}

/// Why a record must not reach its handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its headers cannot be read.
    Malformed(Malformed),
    /// Its reply topic is not on the allow-list.
    ReplyTopic,
    /// Its body, cut into chunks, is longer than `limit` bytes.
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Too many unfinished requests are held to take its body.
    Busy,
    /// It comes back to a lane that one of its own callers holds.
    CallLoop,
}

impl Delivery {
    /// Puts a delivery together; dispatch does, and so do tests of layers.
    #[must_use]
    pub fn new(
        envelope: Envelope,
        origin: Origin,
        head: Arc<RequestHead>,
        policy: Arc<Policy>,
        finish_by: Instant,
    ) -> Self {
        Self {
            envelope,
            origin,
            head,
            policy,
            finish_by,
            answer_by: None,
            refusal: None,
            moving: Arc::default(),
            meter: None,
        }
    }

    /// What its endpoint counts in `metrics`.
    pub(crate) fn meter(&self, metrics: &Metrics) -> Arc<EndpointMetrics> {
        match &self.meter {
            Some(meter) => Arc::clone(meter),
            None => metrics.endpoint(&self.policy.name),
        }
    }
}
