//! From a request's head to its headers.

use bytes::Bytes;

use super::super::{CorrelationId, Dialect, Headers, deadline, decimal, names};
use super::{ReplyAddress, ReplyPartition, RequestHead};

pub(super) fn request(head: &RequestHead, headers: &mut Headers) {
    headers.reserve(RequestHead::HEADERS);
    if let Some(id) = &head.correlation_id {
        let value = correlation_id(head.dialect, id);
        headers.push_static(head.dialect.spelling().correlation_id, value);
    }
    if let Some(address) = &head.reply_to {
        reply_address(head.dialect, address, headers);
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
        headers.set(names::IDEMPOTENCY_KEY, key.as_bytes().clone());
    }
    if let Some(chunk) = head.chunk {
        headers.push_static(names::CHUNK, decimal::write(chunk));
    }
    if head.end {
        headers.push_static(names::END, Bytes::from_static(b"1"));
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

fn reply_address(dialect: Dialect, address: &ReplyAddress, headers: &mut Headers) {
    let spelling = dialect.spelling();
    headers.push_static(spelling.topic, address.topic.as_bytes().clone());
    let Some((name, partition)) = spelling.partition.zip(address.partition) else {
        return;
    };
    let value = match partition {
        ReplyPartition::Number(number) | ReplyPartition::Ambiguous { text: number, .. }
            if dialect.wants_text() =>
        {
            number.to_string().into()
        }
        // The integer reading of an ambiguous one has the bytes it came with.
        ReplyPartition::Number(number)
        | ReplyPartition::Ambiguous {
            integer: number, ..
        } => Bytes::copy_from_slice(&number.to_be_bytes()),
    };
    headers.push_static(name, value);
}
