//! Reading an answer of more than one record, under credit.

use bytes::Bytes;
use futures_channel::mpsc;
use futures_util::StreamExt as _;
use tokio::task::coop::cooperative;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::open_call::OpenCall;
use super::pending::ReplyRecord;
use crate::contract::RawReply;
use crate::envelope::limits::UNREAD;
use crate::envelope::names;

/// Bytes consumed before the sender is told.
const CREDIT_EVERY: u64 = UNREAD / 4;

/// The payloads of one answer, in order: pieces of one body, or a stream's
/// replies.
#[derive(Debug)]
pub(crate) struct Records {
    state: State,
    /// Position of the record that comes next.
    expected: u32,
    consumed: u64,
    credited: u64,
    /// When the rest must be there. Only a stream of ours has no such bound: its
    /// instance's presence tells whether more can come.
    until: Option<Instant>,
}

#[derive(Debug)]
enum State {
    /// A single record, not yet handed out.
    Whole(Bytes),
    /// Records are still to come.
    Open {
        /// The first record's payload, where it has one.
        first: Option<Bytes>,
        rest: mpsc::UnboundedReceiver<ReplyRecord>,
        call: OpenCall,
        /// Cancelled when the instance that answers has died without a word.
        instance_gone: CancellationToken,
    },
    Ended,
}

/// An answer that did not end well.
#[derive(Debug)]
pub(crate) enum BrokenOff {
    /// Its sender said why.
    Told(RawReply),
    /// Records are missing, or nothing came any more.
    Incomplete,
}

impl Records {
    /// The records of the answer that begins with `first`.
    pub(super) fn new(
        first: &mut ReplyRecord,
        rest: Option<mpsc::UnboundedReceiver<ReplyRecord>>,
        call: OpenCall,
        until: Instant,
    ) -> Self {
        let body = std::mem::take(&mut first.body);
        let is_ours = first.head.seq.is_some();
        let state = match rest {
            None => {
                call.complete();
                State::Whole(body)
            }
            Some(rest) => {
                let instance = first.headers.get_str(names::INSTANCE);
                State::Open {
                    first: Some(body).filter(|body| !body.is_empty()),
                    rest,
                    instance_gone: instance
                        .map_or_else(CancellationToken::new, |instance| call.gone(instance)),
                    call,
                }
            }
        };
        Self {
            state,
            expected: 1,
            consumed: 0,
            credited: 0,
            until: (!is_ours).then_some(until),
        }
    }

    /// The body, where it came in a single record.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Whole(body) => Some(body),
            open => {
                self.state = open;
                None
            }
        }
    }

    /// The position of the last record read.
    pub(crate) fn last(&self) -> u32 {
        self.expected - 1
    }

    /// The next payload; `None` at a good end.
    ///
    /// # Cancel safety
    ///
    /// Safe: no record is lost.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, BrokenOff>> {
        loop {
            let State::Open {
                first,
                rest,
                instance_gone,
                ..
            } = &mut self.state
            else {
                let State::Whole(body) = std::mem::replace(&mut self.state, State::Ended) else {
                    return None;
                };
                return (!body.is_empty()).then_some(Ok(body));
            };
            if let Some(first) = first.take() {
                return Some(Ok(self.consume(first)));
            }
            let late = async {
                match self.until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let received = tokio::select! {
                biased;
                received = cooperative(rest.next()) => received,
                () = instance_gone.cancelled() => None,
                () = late => None,
            };
            let Some(record) = received else {
                return Some(Err(self.incomplete()));
            };
            let position = record.head.seq.or(record.head.chunk);
            match position {
                // Sent twice, because its first acknowledgement was lost.
                Some(position) if position < self.expected && !record.head.end => continue,
                Some(position) if position > self.expected => {
                    return Some(Err(self.incomplete()));
                }
                _ => self.expected += 1,
            }
            if record.head.end {
                self.end();
                if record.head.status >= 400 {
                    return Some(Err(BrokenOff::Told(RawReply {
                        status: record.head.status,
                        headers: record.headers,
                        body: record.body,
                    })));
                }
                return (!record.body.is_empty()).then_some(Ok(record.body));
            }
            if !record.body.is_empty() {
                return Some(Ok(self.consume(record.body)));
            }
        }
    }

    /// Counts a payload as read, and now and then says so.
    fn consume(&mut self, payload: Bytes) -> Bytes {
        self.consumed += payload.len() as u64;
        if let State::Open { call, .. } = &self.state
            && self.consumed - self.credited >= CREDIT_EVERY
        {
            call.credit(self.consumed);
            self.credited = self.consumed;
        }
        payload
    }

    fn incomplete(&mut self) -> BrokenOff {
        self.state = State::Ended;
        BrokenOff::Incomplete
    }

    fn end(&mut self) {
        if let State::Open { call, .. } = std::mem::replace(&mut self.state, State::Ended) {
            call.complete();
        }
    }
}
