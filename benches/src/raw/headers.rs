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
    (
        "ipc-caller",
        b"bench-caller-01234567/0123456789abcdef0123456789abcdef",
    ),
];

/// What the framework writes on a reply beside the correlation id.
pub(super) const REPLY: [(&str, &[u8]); 4] = [
    ("content-type", b"application/json"),
    ("content-length", b"256"),
    (
        "ipc-caller",
        b"bench-caller-01234567/0123456789abcdef0123456789abcdef",
    ),
    (":status", b"200"),
];

pub(super) const CORRELATION_ID: &str = "kafka_correlationId";

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
