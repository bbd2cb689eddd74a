//! Answers of more than one record: reply streams and bodies in chunks.
//!
//! Both run under credit: at most [`UNREAD`] bytes lie unread in the caller's
//! inbox. Its credit arrives as control records with running totals.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Delivery;
use crate::envelope::CorrelationId;
use crate::envelope::limits::UNREAD;
use crate::metrics::{EndpointMetrics, Held, Metrics, Settled, StreamEnd};

/// Every answer under way that has more records to come.
#[derive(Clone)]
pub(crate) struct OpenReplies {
    registry: Arc<Mutex<HashMap<CorrelationId, Arc<Flow>>>>,
    streams: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    metrics: Metrics,
}

/// What the caller says of one open answer.
#[derive(Debug, Default)]
struct Flow {
    consumed: AtomicU64,
    changed: Notify,
    cancelled: CancellationToken,
}

impl OpenReplies {
    pub(crate) fn new(max_streams: usize, metrics: Metrics) -> Self {
        Self {
            registry: Arc::default(),
            streams: Arc::new(Semaphore::new(max_streams)),
            tasks: TaskTracker::new(),
            metrics,
        }
    }

    /// Opens an answer in chunks. It may finish while its partition moves: the
    /// drain waits for it.
    pub(super) fn begin(&self, delivery: &Delivery) -> OpenReply {
        self.open(delivery, Arc::default(), None)
    }

    /// Opens a reply stream, unless too many are open.
    pub(super) fn try_begin_stream(&self, delivery: &Delivery) -> Option<OpenReply> {
        let permit = Arc::clone(&self.streams).try_acquire_owned().ok()?;
        let held = self.metrics.dispatch().stream_opened();
        let stream = Stream {
            endpoint: delivery.meter(&self.metrics),
            _permit: permit,
            _held: held,
        };
        Some(self.open(delivery, Arc::clone(&delivery.moving), Some(stream)))
    }

    fn open(
        &self,
        delivery: &Delivery,
        moving: Arc<CancellationToken>,
        stream: Option<Stream>,
    ) -> OpenReply {
        let caller = delivery.withdrawal.get().and_then(|it| it.caller());
        let flow = Arc::new(Flow {
            cancelled: caller.cloned().unwrap_or_default(),
            ..Flow::default()
        });
        let id = delivery.head.correlation_id.clone();
        if let Some(id) = &id {
            self.registry.lock().insert(id.clone(), Arc::clone(&flow));
        }
        OpenReply {
            open: self.clone(),
            id,
            flow,
            // A caller that takes chunks or streams also gives credit.
            credited: delivery.head.accepts.chunks || delivery.head.accepts.stream,
            moving,
            sent: 0,
            stream,
        }
    }

    /// The caller has consumed `bytes` of this answer so far.
    pub(crate) fn credit(&self, id: &CorrelationId, bytes: u64) {
        if let Some(flow) = self.registry.lock().get(id) {
            flow.consumed.fetch_max(bytes, Ordering::Relaxed);
            flow.changed.notify_one();
        }
    }

    /// The caller has gone.
    pub(crate) fn cancel(&self, id: &CorrelationId) {
        if let Some(flow) = self.registry.lock().get(id) {
            flow.cancelled.cancel();
        }
    }

    /// Waits until no answer is open.
    pub(crate) async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// One answer with more records to come. Dropping it closes it.
pub(super) struct OpenReply {
    open: OpenReplies,
    id: Option<CorrelationId>,
    flow: Arc<Flow>,
    credited: bool,
    pub(super) moving: Arc<CancellationToken>,
    sent: u64,
    stream: Option<Stream>,
}

/// What an answer holds as long as it is an open reply stream.
struct Stream {
    endpoint: Arc<EndpointMetrics>,
    _permit: OwnedSemaphorePermit,
    _held: Held,
}

/// Why no more records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The caller has gone.
    Cancelled,
    /// The partition goes to another instance.
    Moving,
}

impl OpenReply {
    /// Counts how a reply stream ended.
    pub(super) fn ended(&self, how: StreamEnd) {
        if let Some(stream) = &self.stream {
            stream.endpoint.settled(Settled::StreamEnded(how));
        }
    }

    pub(super) fn tasks(&self) -> TaskTracker {
        self.open.tasks.clone()
    }

    /// Waits until `bytes` more may be sent.
    pub(super) async fn room_for(&mut self, bytes: usize) -> Result<(), Stop> {
        let after = self.sent + bytes as u64;
        while !self.has_room(after, bytes as u64) {
            tokio::select! {
                biased;
                stop = self.stopped() => return Err(stop),
                // Credit that came since is told all the same.
                () = self.flow.changed.notified() => {}
            }
        }
        self.sent = after;
        Ok(())
    }

    /// Whether the last `bytes` of `after` may be sent. One piece may always be on
    /// its way, however large.
    fn has_room(&self, after: u64, bytes: u64) -> bool {
        let unread = after.saturating_sub(self.flow.consumed.load(Ordering::Relaxed));
        !self.credited || unread <= UNREAD || unread <= bytes
    }

    /// Why no more records are wanted, where that is so already.
    pub(super) fn stop(&self) -> Option<Stop> {
        if self.flow.cancelled.is_cancelled() {
            return Some(Stop::Cancelled);
        }
        self.moving.is_cancelled().then_some(Stop::Moving)
    }

    /// Resolves when no more records are wanted.
    pub(super) async fn stopped(&self) -> Stop {
        tokio::select! {
            biased;
            () = self.flow.cancelled.cancelled() => Stop::Cancelled,
            () = self.moving.cancelled() => Stop::Moving,
        }
    }
}

impl Drop for OpenReply {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            self.open.registry.lock().remove(id);
        }
    }
}
