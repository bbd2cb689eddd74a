//! From a request's head to its headers.

use bytes::Bytes;

use super::super::headers::Header;
use super::super::{CorrelationId, Deadline, Dialect, Headers, deadline, decimal, names};
use super::{ReplyPartition, RequestHead};

pub(super) fn request(head: &RequestHead, headers: &mut Headers) {
    headers.reserve(RequestHead::HEADERS);
    let list = headers.list_mut();
    let mut push = |name, value| list.push(Header::of(name, value));
    if let Some(id) = &head.correlation_id {
        let value = correlation_id(head.dialect, id);
        push(head.dialect.spelling().correlation_id, value);
    }
    if let Some(address) = &head.reply_to {
        let spelling = head.dialect.spelling();
        push(spelling.topic, address.topic.as_bytes().clone());
        if let Some((name, partition)) = spelling.partition.zip(address.partition) {
            push(name, reply_partition(head.dialect, partition));
        }
    }
    if let Some(method) = &head.method {
        push(names::METHOD, method.as_bytes().clone());
    }
    if let Some(path) = &head.path {
        push(names::PATH, path.as_bytes().clone());
    }
    match head.deadline {
        Some(Deadline {
            at,
            budget: Some(budget),
        }) => {
            let (at, budget) = decimal::write_both(at.0, deadline::millis(budget));
            push(names::DEADLINE, at);
            push(names::BUDGET, budget);
        }
        Some(Deadline { at, budget: None }) => push(names::DEADLINE, decimal::write(at.0)),
        None => {}
    }
    if let Some(caller) = &head.caller {
        push(names::CALLER, caller.as_bytes().clone());
    }
    if head.attempt > 1 {
        push(names::ATTEMPT, decimal::write(head.attempt));
    }
    if let Some(accepts) = head.accepts.to_header() {
        push(names::ACCEPT, Bytes::from_static(accepts.as_bytes()));
    }
    if let Some(key) = &head.idempotency_key {
        headers.set(names::IDEMPOTENCY_KEY, key.as_bytes().clone());
    }
    if let Some(chunk) = head.chunk {
        headers.push_static(names::CHUNK, decimal::write(chunk));
    }
    if head.end {
        headers.push_static(names::END, Bytes::from_static(b"1"));
    }
    if head.shadow {
        headers.push_static(names::SHADOW, Bytes::from_static(b"1"));
    }
    if let Some(trace) = &head.trace {
        headers.set(names::TRACEPARENT, trace.to_string());
        headers.remove(names::TRACESTATE);
        if let Some(state) = trace.state() {
            headers.push_static(names::TRACESTATE, state.as_bytes().clone());
        }
    }
    if !head.chain.is_empty() {
        headers.push_static(names::CHAIN, head.chain.as_text().as_bytes().clone());
    }
    head.dialect.finish_request(headers);
}

fn correlation_id(dialect: Dialect, id: &CorrelationId) -> Bytes {
    if dialect.wants_text() && !id.is_text() {
        return id.to_string().into();
    }
    id.as_bytes().clone()
}

fn reply_partition(dialect: Dialect, partition: ReplyPartition) -> Bytes {
    match partition {
        ReplyPartition::Number(number) | ReplyPartition::Ambiguous { text: number, .. }
            if dialect.wants_text() =>
        {
            number.to_string().into()
        }
        // The integer reading of an ambiguous one has the bytes it came with.
        ReplyPartition::Number(number)
        | ReplyPartition::Ambiguous {
            integer: number, ..
        } => big_endian(number),
    }
}

/// Reply partitions are mostly small numbers, and written with every call: those
/// have their bytes ready.
fn big_endian(partition: i32) -> Bytes {
    static SMALL: [[u8; 4]; 64] = {
        let mut bytes = [[0; 4]; 64];
        let mut number: u8 = 0;
        while (number as usize) < bytes.len() {
            bytes[number as usize][3] = number;
            number += 1;
        }
        bytes
    };
    let small = usize::try_from(partition).ok();
    match small.and_then(|number| SMALL.get(number)) {
        Some(bytes) => Bytes::from_static(bytes),
        None => Bytes::copy_from_slice(&partition.to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_is_four_bytes_big_endian() {
        for partition in [0, 1, 63, 64, 255, 256, i32::MAX] {
            assert_eq!(big_endian(partition), &partition.to_be_bytes()[..]);
        }
    }
}
