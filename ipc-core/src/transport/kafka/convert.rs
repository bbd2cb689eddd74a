//! Between librdkafka's messages and records.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use rdkafka::Timestamp as KafkaTimestamp;
use rdkafka::message::{
    BorrowedHeaders, BorrowedMessage, Header as KafkaHeader, Headers as _, Message as _,
    OwnedHeaders,
};
use smallvec::SmallVec;

use super::hostile;
use crate::envelope::{Envelope, Header, Headers, UnixMillis, names};
use crate::transport::{Origin, Received, Timestamp, TopicPartition};

/// A header as librdkafka has it.
struct Part<'m> {
    name: &'m str,
    /// The same name as a constant of ours: it need not be copied.
    known: Option<&'static str>,
    value: Option<&'m [u8]>,
}

impl<'m> Part<'m> {
    /// What of it is copied.
    fn pieces(&self) -> [Option<&'m [u8]>; 2] {
        let name = self.known.is_none().then_some(self.name.as_bytes());
        [name, self.value]
    }
}

/// Copies a message out of librdkafka: one buffer holds key, payload and every
/// header, so that a record costs one copy however many headers it has.
pub(super) fn received(message: &BorrowedMessage<'_>, topic: Arc<str>) -> Received {
    let mut parts = SmallVec::<[Part<'_>; 16]>::new();
    let intact = match message.headers() {
        Some(headers) => read_headers(headers, &mut parts),
        None => true,
    };
    let pieces = || {
        let headers = parts.iter().flat_map(Part::pieces);
        headers.chain([message.key(), message.payload()]).flatten()
    };
    let mut buffer = Vec::with_capacity(pieces().map(<[u8]>::len).sum());
    pieces().for_each(|piece| buffer.extend_from_slice(piece));
    let mut rest = Bytes::from(buffer);
    let mut next = |piece: &[u8]| rest.split_to(piece.len());
    let headers = parts
        .iter()
        .map(|part| Header {
            name: match part.known {
                Some(name) => ByteString::from_static(name),
                // Checked by rdkafka already; checking again costs less than a
                // second copy.
                None => ByteString::try_from(next(part.name.as_bytes())).unwrap_or_default(),
            },
            value: part.value.map(&mut next),
        })
        .collect();
    let envelope = Envelope {
        headers,
        key: message.key().map(&mut next),
        payload: message.payload().map(&mut next),
    };
    Received {
        envelope,
        origin: Origin {
            partition: TopicPartition {
                topic,
                partition: message.partition(),
            },
            offset: message.offset(),
            timestamp: timestamp(message.timestamp()),
        },
        intact,
    }
}

/// False where a header's name is not UTF-8, on which rdkafka 0.39 panics. The
/// headers before it are kept so that the caller can be told.
fn read_headers<'m>(headers: &'m BorrowedHeaders, parts: &mut SmallVec<[Part<'m>; 16]>) -> bool {
    hostile::contained(|| {
        parts.extend(headers.iter().map(|header| Part {
            name: header.key,
            known: names::known(header.key),
            value: header.value,
        }));
    })
}

fn timestamp(timestamp: KafkaTimestamp) -> Timestamp {
    let millis = |millis: i64| u64::try_from(millis).ok().map(UnixMillis);
    match timestamp {
        KafkaTimestamp::CreateTime(at) => millis(at).map(Timestamp::Created),
        KafkaTimestamp::LogAppendTime(at) => millis(at).map(Timestamp::Appended),
        KafkaTimestamp::NotAvailable => None,
    }
    .unwrap_or(Timestamp::Unknown)
}

/// Librdkafka's form of our headers; `None` where a name holds a NUL byte, which
/// it cannot carry.
pub(super) fn owned_headers(headers: &Headers) -> Option<OwnedHeaders> {
    let mut owned = OwnedHeaders::new_with_capacity(headers.len());
    for header in headers {
        if header.name.as_bytes().contains(&0) {
            return None;
        }
        owned = owned.insert(KafkaHeader {
            key: &header.name,
            value: header.value.as_deref(),
        });
    }
    Some(owned)
}
