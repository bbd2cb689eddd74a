use rdkafka::message::{Header, OwnedHeaders};

/// What the framework writes on a request beside the correlation id.
pub(super) const REQUEST: [(&str, &[u8]); 8] = [
    ("content-type", b"application/json"),
    ("kafka_replyTopic", b"bench-caller-01234567.replies"),
    ("kafka_replyPartition", &[0; 4]),
    (":method", b"POST"),
    (":path", b"/echo"),
    ("ipc-deadline", b"1795250804432"),
    ("ipc-budget", b"30000"),
    ("ipc-caller", CALLER),
];

/// What it writes on a reply.
pub(super) const REPLY: [(&str, &[u8]); 4] = [
    ("content-type", b"application/json"),
    ("content-length", b"256"),
    ("ipc-caller", CALLER),
    (":status", b"200"),
];

/// What it writes on a record of a reply stream.
pub(super) const STREAM: [(&str, &[u8]); 2] = [("ipc-caller", CALLER), ("ipc-seq", b"123")];

/// What a plain one-way record has: no request of HTTP's shape.
pub(super) const ONE_WAY: [(&str, &[u8]); 2] =
    [("content-type", b"application/json"), ("source", b"bench")];

pub(super) const CORRELATION_ID: &str = "kafka_correlationId";

const CALLER: &[u8] = b"bench-caller-01234567/0123456789abcdef0123456789abcdef";

/// The headers of a record, its correlation id first.
pub(super) fn headers(id: &[u8], others: &[(&str, &[u8])]) -> OwnedHeaders {
    let first = OwnedHeaders::new_with_capacity(others.len() + 1).insert(Header {
        key: CORRELATION_ID,
        value: Some(id),
    });
    others.iter().fold(first, |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(*value),
        })
    })
}
