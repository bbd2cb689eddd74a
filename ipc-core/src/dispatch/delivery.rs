//! A record on its way to a handler.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::envelope::{Deadline, Envelope, Malformed, RequestHead, UnixMillis};
use crate::transport::{Origin, SendError, Timestamp, TopicPartition};

use super::assignment::Assignment;
use super::valve::Cause;
use super::withdrawal::Withdrawal;
use super::{Outputs, Policy};
use crate::metrics::{EndpointMetrics, Metrics};
use crate::store::{Fence, Lent};

/// A record with everything dispatch found out about it. What a layer and a
/// handler get: a small handle, whose clones share the [`Record`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    record: Arc<Record>,
    /// When its run began, by this process's clock.
    pub began: Instant,
    /// The same by the wall clock.
    pub began_at: UnixMillis,
    /// When the handler must be done, by this process's clock: the guard settles it.
    pub finish_by: Instant,
    /// The same by the wall clock, once that is settled: what the handler's own
    /// calls inherit.
    pub answer_by: Option<UnixMillis>,
    /// The claim it is handled under, where its endpoint has its repetitions
    /// recognised.
    pub(crate) granted: Option<Arc<Granted>>,
    /// What its handler writes, where its endpoint is exactly once.
    pub(crate) outputs: Option<Outputs>,
}

/// What a handler may know of the claim it works under.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) fence: Fence,
    pub(crate) lent: Option<Lent>,
}

/// What does not change on a record's way through dispatch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// What the record says.
    pub envelope: Envelope,
    /// Where it came from; see [`home`](Record::home) too.
    pub origin: Origin,
    /// Its headers, read.
    pub head: RequestHead,
    /// What its endpoint asks for.
    pub policy: Arc<Policy>,
    /// Why no handler may see it.
    pub(crate) refusal: Option<Refusal>,
    /// Cancelled when its partition goes to another instance or this one drains:
    /// what is still running then should end in a way its caller can resume.
    pub(crate) moving: Arc<CancellationToken>,
    /// What is known of earlier attempts, once one has failed.
    pub(crate) past: Option<Box<Past>>,
    /// What this run of its handler has to do with its caller's giving up: made when
    /// a call is handed out, and for others when it is asked for.
    pub(super) withdrawal: OnceLock<Arc<Withdrawal>>,
    /// What its endpoint counts: looked up once for everyone on its way.
    pub(crate) meter: Option<Arc<EndpointMetrics>>,
    /// When it arrived.
    pub(super) received: Instant,
    /// The assignment it arrived under.
    pub(super) assignment: Assignment,
    /// The offsets of the chunks that came after the first, where it came in chunks.
    pub(super) more_offsets: Vec<i64>,
}

/// What is known of the attempts at a record that have failed.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    /// When the first of them failed.
    pub(crate) first_failed: UnixMillis,
    /// Where it was written first, where it comes from a retry topic.
    pub(crate) home: Option<Origin>,
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
    /// Consumption is stopped, and it cannot wait any longer.
    Stopped(Cause),
    /// So many processes ended while it was handled.
    Quarantined {
        /// As far as that can be told.
        deaths: u32,
    },
    /// It was handled, and what its handler wrote cannot be written.
    Output(SendError),
}

impl Delivery {
    /// Puts a delivery together whose run begins now, as tests of layers do.
    #[must_use]
    pub fn new(
        envelope: Envelope,
        origin: Origin,
        head: RequestHead,
        policy: Arc<Policy>,
        finish_by: Instant,
    ) -> Self {
        let record = Record {
            envelope,
            origin,
            head,
            policy,
            ..Record::blank()
        };
        let began = record.received;
        Self {
            finish_by,
            ..Self::of(Arc::new(record), began, UnixMillis::now())
        }
    }

    /// A run of `record` that begins at a moment, by both clocks.
    #[inline]
    pub(super) fn of(record: Arc<Record>, began: Instant, began_at: UnixMillis) -> Self {
        Self {
            record,
            began,
            began_at,
            finish_by: began,
            answer_by: None,
            granted: None,
            outputs: None,
        }
    }

    /// Where its handler puts what it writes, where its endpoint is
    /// [exactly once](super::Guarantee::ExactlyOnce).
    #[must_use]
    pub fn outputs(&self) -> Option<&Outputs> {
        self.outputs.as_ref()
    }

    /// The fence of the claim it is handled under, where its endpoint has its
    /// repetitions recognised.
    #[must_use]
    pub fn fence(&self) -> Option<Fence> {
        self.granted.as_ref().map(|granted| granted.fence)
    }

    /// What the dedup store lends to its handler.
    #[must_use]
    pub fn lent(&self) -> Option<&Lent> {
        self.granted.as_ref()?.lent.as_ref()
    }

    /// What tells the handler that it should end: its caller has given up, or its time
    /// is nearly over. From now on its caller does not end it any more, only its time
    /// does. [`extract::CancellationToken`](crate::extract::CancellationToken) says more.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.withdrawal().token()
    }

    /// The record, to be changed for whoever has this delivery.
    pub(crate) fn record_mut(&mut self) -> &mut Record {
        // Whoever changes it has the same caller.
        self.withdrawal();
        Arc::make_mut(&mut self.record)
    }
}

impl Deref for Delivery {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Record {
    /// Tells the times apart at which its partition came to this instance.
    pub(crate) fn assignment(&self) -> u64 {
        self.assignment.epoch
    }

    /// A record that says nothing and came from nowhere, for others to fill in.
    pub(super) fn blank() -> Self {
        Self {
            envelope: Envelope::default(),
            origin: Origin {
                partition: TopicPartition {
                    topic: Arc::default(),
                    partition: 0,
                },
                offset: 0,
                timestamp: Timestamp::Unknown,
            },
            head: RequestHead::default(),
            policy: Arc::new(Policy::new("")),
            refusal: None,
            moving: Arc::default(),
            past: None,
            withdrawal: OnceLock::new(),
            meter: None,
            received: Instant::now(),
            assignment: Assignment::default(),
            more_offsets: Vec::new(),
        }
    }

    pub(crate) fn withdrawal(&self) -> &Withdrawal {
        self.withdrawal.get_or_init(Arc::default)
    }

    /// What has yet to tell the handler that it must end, where it has asked.
    #[inline]
    pub(crate) fn untold(&self) -> Option<&CancellationToken> {
        self.withdrawal.get()?.untold()
    }

    /// An attempt at it failed now; what comes next is another.
    pub(super) fn attempt_failed(&mut self, now: UnixMillis) {
        self.head.attempt = self.head.attempt.saturating_add(1);
        let first = Past {
            first_failed: now,
            home: None,
        };
        self.past.get_or_insert_with(|| Box::new(first));
    }

    /// Where it was written first: where it came from, unless that is a retry topic.
    #[must_use]
    pub fn home(&self) -> &Origin {
        let past = self.past.as_ref();
        past.and_then(|past| past.home.as_ref())
            .unwrap_or(&self.origin)
    }

    /// The caller's deadline. A call without one, as a foreign caller sends it,
    /// counts from when it was written.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.head.deadline.or_else(|| {
            let written = self.origin.timestamp.millis();
            let at = written
                .filter(|_| self.head.is_call())?
                .plus(self.policy.timeout);
            Some(Deadline { at, budget: None })
        })
    }

    /// What its endpoint counts in `metrics`.
    #[inline]
    pub(crate) fn meter(&self, metrics: &Metrics) -> Arc<EndpointMetrics> {
        match &self.meter {
            Some(meter) => Arc::clone(meter),
            None => metrics.endpoint(&self.policy.name),
        }
    }
}
