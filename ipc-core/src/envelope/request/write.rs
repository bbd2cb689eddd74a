//! From a request's head to its headers.

use bytes::Bytes;

use super::super::{Headers, deadline, decimal, names};
use super::{ReplyAddress, ReplyPartition, RequestHead};

pub(super) fn request(head: &RequestHead, headers: &mut Headers) {
    if let Some(id) = &head.correlation_id {
        headers.push_static(names::CORRELATION_ID, id.as_bytes().clone());
    }
    if let Some(address) = &head.reply_to {
        reply_address(address, headers);
    }
    if let Some(method) = &head.method {
        headers.push_static(names::METHOD, method.as_bytes().clone());
    }
    if let Some(path) = &head.path {
        headers.push_static(names::PATH, path.as_bytes().clone());
    }
    if let Some(deadline) = &head.deadline {
        headers.push_static(names::DEADLINE, decimal::write(deadline.at.0));
        if let Some(budget) = deadline.budget {
            headers.push_static(names::BUDGET, decimal::write(deadline::millis(budget)));
        }
    }
    if let Some(caller) = &head.caller {
        headers.push_static(names::CALLER, caller.as_bytes().clone());
    }
    if head.attempt > 1 {
        headers.push_static(names::ATTEMPT, decimal::write(head.attempt));
    }
    if let Some(accepts) = head.accepts.to_header() {
        headers.push_static(names::ACCEPT, Bytes::from_static(accepts.as_bytes()));
    }
    if let Some(key) = &head.idempotency_key {
        headers.push_static(names::IDEMPOTENCY_KEY, key.as_bytes().clone());
    }
    if let Some(chunk) = head.chunk {
        headers.push_static(names::CHUNK, decimal::write(chunk));
    }
    if head.end {
        headers.push_static(names::END, Bytes::from_static(b"1"));
    }
}

fn reply_address(address: &ReplyAddress, headers: &mut Headers) {
    headers.push_static(names::REPLY_TOPIC, address.topic.as_bytes().clone());
    // An ambiguous spelling came from elsewhere and goes on as it came: its
    // integer reading has the same bytes as its text.
    if let Some(
        ReplyPartition::Number(number)
        | ReplyPartition::Ambiguous {
            integer: number, ..
        },
    ) = address.partition
    {
        let raw = Bytes::copy_from_slice(&number.to_be_bytes());
        headers.push_static(names::REPLY_PARTITION, raw);
    }
}
