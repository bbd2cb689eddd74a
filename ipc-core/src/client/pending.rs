//! Who waits for which reply.

use std::collections::HashMap;
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use futures_channel::mpsc;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use super::Rejected;
use super::slot::{Slot, Told};
use crate::envelope::{CorrelationId, Dialect, Envelope, Headers, ReplyHead};
use crate::transport::{Ack, SendError};

/// One reply record.
#[derive(Debug)]
pub(crate) struct ReplyRecord {
    pub(crate) head: ReplyHead,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
}

/// The first record of an answer, with the way to the others where there are any.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) first: ReplyRecord,
    pub(crate) rest: Option<mpsc::UnboundedReceiver<ReplyRecord>>,
}

/// Every call that waits for an answer. An entry is there before its request is
/// sent, and goes with its [`Registration`].
#[derive(Debug)]
pub(super) struct Pending {
    calls: Mutex<Calls>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Calls {
    /// By ids that are random and ours. A hasher without a secret will do: what a
    /// hostile reply names is only looked up, so it cannot make entries collide.
    waiting: HashMap<CorrelationId, Entry, FxBuildHasher>,
    closed: bool,
}

#[derive(Debug)]
enum Entry {
    /// Nothing has come yet.
    First(Arc<Slot>),
    /// More records are to come. Credit bounds how many can be unread.
    Open(Dialect, mpsc::UnboundedSender<ReplyRecord>),
}

/// What became of a reply record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Routed {
    /// Somebody got it.
    Delivered,
    /// Nobody waits for it any more.
    Late,
}

impl Pending {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            calls: Mutex::default(),
            limit,
        }
    }

    /// Registers a call whose answer comes in `dialect`.
    pub(super) fn register(
        self: &Arc<Self>,
        id: CorrelationId,
        dialect: Dialect,
    ) -> Result<Registration, Rejected> {
        let mut calls = self.calls.lock();
        if calls.closed {
            return Err(Rejected::Closed);
        }
        if calls.waiting.len() >= self.limit {
            return Err(Rejected::Full { limit: self.limit });
        }
        let slot = Arc::new(Slot::new(id.clone(), dialect, Arc::clone(self)));
        calls.waiting.insert(id, Entry::First(Arc::clone(&slot)));
        Ok(Registration { slot, listed: true })
    }

    /// Ends a call that nothing was heard of yet: its request may not be in the log.
    pub(super) fn fail(&self, id: &CorrelationId, error: SendError) {
        let mut calls = self.calls.lock();
        if !matches!(calls.waiting.get(id), Some(Entry::First(..))) {
            return;
        }
        let entry = calls.waiting.remove(id);
        drop(calls);
        if let Some(Entry::First(slot)) = entry {
            // Nobody waiting any more is fine.
            slot.tell(Err(error));
        }
    }

    /// Hands a reply record to whoever waits for it.
    pub(super) fn route(&self, head: ReplyHead, mut envelope: Envelope) -> Routed {
        let mut calls = self.calls.lock();
        let Some(entry) = calls.waiting.remove(&head.correlation_id) else {
            return Routed::Late;
        };
        let dialect = match &entry {
            Entry::First(slot) => slot.dialect,
            Entry::Open(dialect, _) => *dialect,
        };
        let head = match dialect {
            Dialect::Native => head,
            foreign => ReplyHead::receive(foreign, &mut envelope).unwrap_or(head),
        };
        let more = (!head.end).then(|| head.correlation_id.clone());
        let record = ReplyRecord {
            head,
            headers: envelope.headers,
            body: envelope.payload.unwrap_or_default(),
        };
        match entry {
            Entry::First(slot) => {
                let rest = more.map(|id| {
                    // tokio's has room for 32 records from the start, and most streams wait.
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "the reader's thread must not wait; credit bounds what is unread"
                    )]
                    let (sender, receiver) = mpsc::unbounded();
                    calls.waiting.insert(id, Entry::Open(dialect, sender));
                    receiver
                });
                drop(calls);
                let answer = Answer {
                    first: record,
                    rest,
                };
                routed(slot.tell(Ok(answer)))
            }
            Entry::Open(_, waiter) => {
                if let Some(id) = more {
                    calls
                        .waiting
                        .insert(id, Entry::Open(dialect, waiter.clone()));
                }
                drop(calls);
                routed(waiter.unbounded_send(record).is_ok())
            }
        }
    }

    /// Ends every answer that has begun: the rest of it is lost. Calls that wait
    /// for their first record have a deadline, and may be answered yet.
    pub(super) fn break_off(&self) {
        let mut calls = self.calls.lock();
        calls
            .waiting
            .retain(|_, entry| matches!(entry, Entry::First(..)));
    }

    pub(super) fn len(&self) -> usize {
        self.calls.lock().waiting.len()
    }

    /// Completes every waiter, without an answer, and takes no more.
    pub(super) fn close(&self) {
        let mut calls = self.calls.lock();
        calls.closed = true;
        let waiting = mem::take(&mut calls.waiting);
        drop(calls);
        for entry in waiting.into_values() {
            if let Entry::First(slot) = entry {
                slot.close();
            }
        }
    }
}

fn routed(heard: bool) -> Routed {
    if heard {
        Routed::Delivered
    } else {
        Routed::Late
    }
}

/// A registered call. Dropping it ends the wait, and its entry goes.
#[derive(Debug)]
pub(super) struct Registration {
    slot: Arc<Slot>,
    /// Whether the entry may still be there.
    listed: bool,
}

impl Registration {
    /// The last record has come, and the entry went with it.
    pub(super) fn complete(&mut self) {
        self.listed = false;
    }

    pub(super) fn id(&self) -> &CorrelationId {
        &self.slot.id
    }

    /// The acknowledgement of the call's request.
    pub(super) fn ack(&self) -> Ack {
        Ack::to(Arc::clone(&self.slot) as _)
    }

    /// What the call is told first; `None` where nothing comes any more.
    ///
    /// # Cancel safety
    ///
    /// Safe: what was not taken is there for the next.
    pub(super) async fn told(&self) -> Option<Told> {
        poll_fn(|cx| self.slot.poll(cx)).await
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.listed {
            self.slot.close();
            let calls = &self.slot.pending.calls;
            let entry = calls.lock().waiting.remove(&self.slot.id);
            drop(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn head(id: &CorrelationId, seq: Option<u32>, end: bool) -> ReplyHead {
        ReplyHead {
            correlation_id: id.clone(),
            caller: None,
            status: 200,
            seq,
            chunk: None,
            end,
        }
    }

    fn route(pending: &Pending, id: &CorrelationId, seq: Option<u32>, end: bool) -> Routed {
        pending.route(head(id, seq, end), Envelope::default())
    }

    fn told(waiting: &Registration) -> Option<Answer> {
        waiting.told().now_or_never()??.ok()
    }

    #[test]
    fn a_reply_nobody_waits_for_is_late() {
        let pending = Arc::new(Pending::new(8));
        let id = CorrelationId::random();
        let waiting = pending.register(id.clone(), Dialect::Native);
        drop(waiting);
        assert_eq!(route(&pending, &id, None, true), Routed::Late);
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn a_second_reply_to_one_call_is_late() -> Result<(), Rejected> {
        let pending = Arc::new(Pending::new(8));
        let id = CorrelationId::random();
        let _waiting = pending.register(id.clone(), Dialect::Native)?;
        assert_eq!(route(&pending, &id, None, true), Routed::Delivered);
        assert_eq!(route(&pending, &id, None, true), Routed::Late);
        Ok(())
    }

    #[test]
    fn a_stream_is_routed_until_its_end() -> Result<(), Rejected> {
        let pending = Arc::new(Pending::new(8));
        let id = CorrelationId::random();
        let waiting = pending.register(id.clone(), Dialect::Native)?;
        assert_eq!(route(&pending, &id, Some(0), false), Routed::Delivered);
        let answer = told(&waiting);
        assert_eq!(route(&pending, &id, Some(1), false), Routed::Delivered);
        assert_eq!(route(&pending, &id, Some(2), true), Routed::Delivered);
        assert_eq!(route(&pending, &id, Some(3), true), Routed::Late);
        let mut rest = answer.and_then(|answer| answer.rest);
        let seqs: Vec<_> = std::iter::from_fn(|| rest.as_mut()?.try_recv().ok())
            .filter_map(|record| record.head.seq)
            .collect();
        assert_eq!(seqs, [1, 2]);
        Ok(())
    }

    #[test]
    fn breaking_off_ends_what_has_begun_and_nothing_else() -> Result<(), Rejected> {
        let pending = Arc::new(Pending::new(8));
        let (begun, silent) = (CorrelationId::random(), CorrelationId::random());
        let stream = pending.register(begun.clone(), Dialect::Native)?;
        let _call = pending.register(silent.clone(), Dialect::Native)?;
        assert_eq!(route(&pending, &begun, Some(0), false), Routed::Delivered);
        pending.break_off();
        let answer = told(&stream);
        let rest = answer.and_then(|answer| answer.rest);
        let ended = rest.map(|mut rest| rest.try_recv().err());
        assert_eq!(ended, Some(Some(mpsc::TryRecvError::Closed)));
        assert_eq!(route(&pending, &begun, Some(1), true), Routed::Late);
        assert_eq!(route(&pending, &silent, None, true), Routed::Delivered);
        Ok(())
    }

    #[test]
    fn a_request_that_was_not_sent_ends_its_call_and_no_other() -> Result<(), Rejected> {
        let pending = Arc::new(Pending::new(2));
        let failed = pending.register(CorrelationId::random(), Dialect::Native)?;
        let other = pending.register(CorrelationId::random(), Dialect::Native)?;
        failed.ack().settle(Err(SendError::Closed));
        let told = failed.told().now_or_never().flatten();
        assert!(matches!(told, Some(Err(SendError::Closed))));
        assert!(other.told().now_or_never().is_none());
        assert_eq!(pending.len(), 1);
        Ok(())
    }

    #[test]
    fn more_calls_than_allowed_are_rejected_and_closing_completes_every_waiter()
    -> Result<(), Rejected> {
        let pending = Arc::new(Pending::new(1));
        let waiting = pending.register(CorrelationId::random(), Dialect::Native)?;
        let refused = pending.register(CorrelationId::random(), Dialect::Native);
        assert!(matches!(refused, Err(Rejected::Full { limit: 1 })));
        pending.close();
        assert!(matches!(waiting.told().now_or_never(), Some(None)));
        let refused = pending.register(CorrelationId::random(), Dialect::Native);
        assert!(matches!(refused, Err(Rejected::Closed)));
        Ok(())
    }
}
