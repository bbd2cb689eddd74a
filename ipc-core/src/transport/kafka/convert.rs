//! Between librdkafka's messages and records.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use rdkafka::Timestamp as KafkaTimestamp;
use rdkafka::message::{
    BorrowedHeaders, BorrowedMessage, Header as KafkaHeader, Headers as _, Message as _,
    OwnedHeaders,
};

use super::hostile;
use crate::envelope::{Envelope, Header, Headers, UnixMillis};
use crate::transport::{Origin, Received, Timestamp, TopicPartition};

/// Copies a message out of librdkafka: one buffer holds key, payload and every
/// header, so that a record costs one copy however many headers it has.
pub(super) fn received(message: &BorrowedMessage<'_>, topic: Arc<str>) -> Received {
    let mut size = message.key_len() + message.payload_len();
    let mut parts = Vec::new();
    let intact = match message.headers() {
        Some(headers) => read_headers(headers, &mut parts, &mut size),
        None => true,
    };
    let mut buffer = BytesMut::with_capacity(size);
    let mut copy = |bytes: &[u8]| {
        buffer.extend_from_slice(bytes);
        buffer.split().freeze()
    };
    let headers = parts
        .iter()
        .map(|part| Header {
            name: name(part.key, &mut copy),
            value: part.value.map(&mut copy),
        })
        .collect();
    let envelope = Envelope {
        headers,
        key: message.key().map(&mut copy),
        payload: message.payload().map(&mut copy),
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
fn read_headers<'m>(
    headers: &'m BorrowedHeaders,
    parts: &mut Vec<KafkaHeader<'m, &'m [u8]>>,
    size: &mut usize,
) -> bool {
    hostile::contained(|| {
        parts.reserve(headers.count());
        for header in headers.iter() {
            *size += header.key.len() + header.value.map_or(0, <[u8]>::len);
            parts.push(header);
        }
    })
}

fn name(text: &str, copy: &mut impl FnMut(&[u8]) -> Bytes) -> ByteString {
    // Checked by rdkafka already; checking again costs less than a second copy.
    ByteString::try_from(copy(text.as_bytes())).unwrap_or_default()
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
