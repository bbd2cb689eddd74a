//! Requests whose body comes in chunks, put together before they are handled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::Record;
use super::delivery::Refusal;
use crate::envelope::deadline::SKEW;
use crate::envelope::{CallerId, CorrelationId, UnixMillis};
use crate::transport::TopicPartition;

/// Largest request, in bytes.
pub(super) const MAX_REQUEST: usize = 32 * 1024 * 1024;
/// Bytes of unfinished requests one process holds.
const MAX_HELD: usize = 64 * 1024 * 1024;
/// How long the chunks of one request may take to arrive, where its deadline says
/// nothing less.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests of which chunks are still to come. Never pauses a partition: the
/// missing chunk would sit behind the pause.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    open: BTreeMap<Key, Assembly>,
    held: usize,
}

/// Two callers may choose the same correlation id.
type Key = (TopicPartition, Bytes, Option<CallerId>);

#[derive(Debug)]
struct Assembly {
    /// `None` once the request was refused: the rest is skipped.
    request: Option<Arc<Record>>,
    body: BytesMut,
    offsets: Vec<i64>,
    expected: u32,
    until: Instant,
}

/// What became of a chunk.
#[derive(Debug)]
pub(super) enum Chunk {
    /// It was the last, and this is the request.
    Whole(Arc<Record>),
    /// More are to come; so many bytes have been taken.
    Taken(Arc<Record>, u64),
    /// These records are finished, in silence.
    Skipped(Vec<i64>),
}

impl Assembler {
    /// Takes the next chunk. `now` and `clock` are the same moment.
    pub(super) fn take(&mut self, chunk: Arc<Record>, now: Instant, clock: UnixMillis) -> Chunk {
        let number = chunk.head.chunk.unwrap_or_default();
        let id = chunk.head.correlation_id.as_ref();
        let key = (
            chunk.origin.partition.clone(),
            id.map(CorrelationId::as_bytes).cloned().unwrap_or_default(),
            chunk.head.caller.clone(),
        );
        if number == 0 {
            let until = now + patience(&chunk, clock);
            return self.begin(key, chunk, until);
        }
        let offset = chunk.origin.offset;
        let Some(assembly) = self.open.get_mut(&key) else {
            // Its beginning was lost with a restart, or never came.
            return Chunk::Skipped(vec![offset]);
        };
        if number < assembly.expected {
            return Chunk::Skipped(vec![offset]);
        }
        if number > assembly.expected {
            let mut lost = self.close(&key);
            lost.push(offset);
            return Chunk::Skipped(lost);
        }
        assembly.expected += 1;
        let last = chunk.head.end;
        if assembly.request.is_none() {
            if last {
                self.close(&key);
            }
            return Chunk::Skipped(vec![offset]);
        }
        let piece = chunk.envelope.payload.clone().unwrap_or_default();
        assembly.body.extend_from_slice(&piece);
        assembly.offsets.push(offset);
        self.held += piece.len();
        if assembly.body.len() > MAX_REQUEST {
            return self.refuse(&key, Refusal::TooLarge { limit: MAX_REQUEST }, last);
        }
        if self.held > MAX_HELD {
            return self.refuse(&key, Refusal::Busy, last);
        }
        if last {
            return self.complete(&key);
        }
        Chunk::Taken(chunk, assembly.body.len() as u64)
    }

    /// Requests whose chunks took too long are given up; their records are
    /// finished.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<(TopicPartition, i64)> {
        let late: Vec<Key> = self
            .open
            .iter()
            .filter(|(_, assembly)| assembly.until <= now)
            .map(|(key, _)| key.clone())
            .collect();
        let finish = |key: &Key| {
            let offsets = self.close(key);
            offsets
                .into_iter()
                .map(|offset| (key.0.clone(), offset))
                .collect::<Vec<_>>()
        };
        late.iter().flat_map(finish).collect()
    }

    /// When the next request is given up.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.open.values().map(|assembly| assembly.until).min()
    }

    /// Forgets a partition that goes to another member: it starts over there.
    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        let gone: Vec<Key> = self
            .open
            .keys()
            .filter(|key| key.0 == *partition)
            .cloned()
            .collect();
        for key in gone {
            self.close(&key);
        }
    }

    fn begin(&mut self, key: Key, chunk: Arc<Record>, until: Instant) -> Chunk {
        // Its sender starts over: what came before is finished with it.
        let earlier = self.close(&key);
        if chunk.head.end {
            return whole(chunk, earlier);
        }
        let body = BytesMut::from(&*chunk.envelope.payload.clone().unwrap_or_default());
        self.held += body.len();
        let taken = body.len() as u64;
        let told = Arc::clone(&chunk);
        self.open.insert(
            key,
            Assembly {
                request: Some(chunk),
                body,
                offsets: earlier,
                expected: 1,
                until,
            },
        );
        Chunk::Taken(told, taken)
    }

    fn complete(&mut self, key: &Key) -> Chunk {
        let Some(assembly) = self.open.remove(key) else {
            return Chunk::Skipped(Vec::new());
        };
        self.held -= assembly.body.len();
        match assembly.request {
            Some(mut request) => {
                Arc::make_mut(&mut request).envelope.payload = Some(assembly.body.freeze());
                whole(request, assembly.offsets)
            }
            None => Chunk::Skipped(assembly.offsets),
        }
    }

    /// Answers in the handler's place, and skips what is still to come.
    fn refuse(&mut self, key: &Key, refusal: Refusal, last: bool) -> Chunk {
        let Some(assembly) = self.open.get_mut(key) else {
            return Chunk::Skipped(Vec::new());
        };
        self.held -= assembly.body.len();
        assembly.body = BytesMut::new();
        let offsets = std::mem::take(&mut assembly.offsets);
        let request = assembly.request.take();
        if last {
            self.open.remove(key);
        }
        match request {
            Some(mut request) => {
                Arc::make_mut(&mut request).refusal = Some(refusal);
                whole(request, offsets)
            }
            None => Chunk::Skipped(offsets),
        }
    }

    /// Ends an unfinished request. Answers its offsets, its first chunk's
    /// included, unless that one is being answered.
    fn close(&mut self, key: &Key) -> Vec<i64> {
        let Some(assembly) = self.open.remove(key) else {
            return Vec::new();
        };
        self.held -= assembly.body.len();
        let first = assembly.request.map(|request| request.origin.offset);
        first.into_iter().chain(assembly.offsets).collect()
    }
}

fn whole(mut request: Arc<Record>, more_offsets: Vec<i64>) -> Chunk {
    if !more_offsets.is_empty() {
        Arc::make_mut(&mut request).more_offsets = more_offsets;
    }
    Chunk::Whole(request)
}

/// How long the rest of this chunk's request is waited for: no longer than its
/// answer is.
fn patience(chunk: &Record, clock: UnixMillis) -> Duration {
    let left = chunk.head.deadline.map(|it| it.remaining(clock) + SKEW);
    left.map_or(PATIENCE, |left| left.min(PATIENCE))
}
