//! Every header name the wire format gives a meaning to, written once.
//!
//! The normative text is `docs/wire-format.md`.

/// Opaque bytes that tie a reply to its request; echoed byte for byte.
pub const CORRELATION_ID: &str = "kafka_correlationId";
/// The topic a reply goes to. A record without it is a one-way.
pub const REPLY_TOPIC: &str = "kafka_replyTopic";
/// The partition the caller reads: four bytes, big-endian.
pub const REPLY_PARTITION: &str = "kafka_replyPartition";

/// The HTTP method of a request.
pub const METHOD: &str = ":method";
/// The HTTP path with its query, byte for byte as sent.
pub const PATH: &str = ":path";
/// The HTTP status of a reply, in decimal.
pub const STATUS: &str = ":status";
/// The HTTP authority a caller addressed, where it had one.
pub const AUTHORITY: &str = ":authority";
/// The HTTP scheme a caller used, where it had one.
pub const SCHEME: &str = ":scheme";

/// Absolute deadline, decimal Unix milliseconds.
pub const DEADLINE: &str = "ipc-deadline";
/// What was left of the deadline when the request was sent, decimal milliseconds.
pub const BUDGET: &str = "ipc-budget";
/// `<fleet>/<boot id>` of the caller; echoed on replies.
pub const CALLER: &str = "ipc-caller";
/// Delivery attempt, decimal, 1 on the first.
pub const ATTEMPT: &str = "ipc-attempt";
/// What the caller can read beyond one record: `chunks`, `stream`.
pub const ACCEPT: &str = "ipc-accept";
/// Position in a reply stream, decimal from 0.
pub const SEQ: &str = "ipc-seq";
/// `1` on the last record of a stream or of a chunked body.
pub const END: &str = "ipc-end";
/// Position in a chunked body, decimal from 0.
pub const CHUNK: &str = "ipc-chunk";
/// Lanes held by the callers above: `service:key` hashes, comma separated.
pub const CHAIN: &str = "ipc-chain";
/// Kind of a control record: `cancel`, `credit`, `presence`, `farewell` or `ping`.
pub const CONTROL: &str = "ipc-control";
/// Body bytes of an answer that a caller has consumed, decimal.
pub const CREDIT_BYTES: &str = "ipc-credit-bytes";
/// Records of a reply stream that a caller has consumed, decimal.
pub const CREDIT_RECORDS: &str = "ipc-credit-records";
/// An instance of a service, unique to one run of it.
pub const INSTANCE: &str = "ipc-instance";
/// Partitions an instance reads: ascending, runs joined, `0-3,7`.
pub const PARTITIONS: &str = "ipc-partitions";
/// Until when a presence record holds, decimal Unix milliseconds.
pub const VALID_UNTIL: &str = "ipc-valid-until";
/// The offset in `<service>.pauses` before which an instance has obeyed everything,
/// decimal.
pub const PAUSES_READ: &str = "ipc-pauses-read";
/// What is paused at an instance: `*`, or an endpoint's name; once for each.
pub const PAUSED: &str = "ipc-paused";
/// Tells a caller's pings apart, decimal.
pub const NONCE: &str = "ipc-nonce";
/// Peer address of the HTTP client a gateway speaks for.
pub const PEER: &str = "ipc-peer";
/// Who the HTTP client of a gateway is, signed together with the request.
pub const PRINCIPAL: &str = "ipc-principal";
/// `1` on a copy of a request that was answered elsewhere: what it is answered is
/// compared, and nobody else sees it.
pub const SHADOW: &str = "ipc-shadow";
/// Where the sender of a one-way is told if it is given up: a topic.
pub const PARKED_TOPIC: &str = "ipc-parked-topic";
/// The partition it reads there, decimal.
pub const PARKED_PARTITION: &str = "ipc-parked-partition";
/// Names of the headers a dead letter had removed.
pub const REDACTED: &str = "ipc-redacted";
/// How long the request waited for its handler, decimal milliseconds; not told where
/// that was under ten.
pub const QUEUED: &str = "ipc-queued";
/// How long the request took its handler, decimal milliseconds; not told where that was
/// under ten.
pub const HANDLED: &str = "ipc-handled";
/// Says that a reply is a stored one.
pub const REPLAYED: &str = "ipc-replayed";

/// When a record in a retry topic is to be handled again, decimal Unix milliseconds.
pub const RETRY_DUE: &str = "ipc-retry-due";
/// The topic a record in a retry topic was written to first.
pub const RETRY_TOPIC: &str = "ipc-retry-topic";
/// Its partition there, decimal.
pub const RETRY_PARTITION: &str = "ipc-retry-partition";
/// Its offset there, decimal.
pub const RETRY_OFFSET: &str = "ipc-retry-offset";
/// When it was written there, decimal Unix milliseconds.
pub const RETRY_WRITTEN: &str = "ipc-retry-written";
/// When the first attempt at it failed, decimal Unix milliseconds.
pub const RETRY_FIRST_FAILED: &str = "ipc-retry-first-failed";

/// The key of a parked record.
pub const RETRY_KEY: &str = "ipc-retry-key";
/// Says that a parked record has no payload, not even an empty one.
pub const RETRY_NULL: &str = "ipc-retry-null";
/// Says that a record which was parked is done with.
pub const RETRY_SETTLED: &str = "ipc-retry-settled";

/// Why a record was dead-lettered.
pub const DLQ_REASON: &str = "ipc-dlq-reason";
/// How often the record was tried.
pub const DLQ_ATTEMPTS: &str = "ipc-dlq-attempts";
/// When the first attempt failed, decimal Unix milliseconds.
pub const DLQ_FIRST_FAILED: &str = "ipc-dlq-first-failed";
/// The service that gave the record up.
pub const DLQ_SERVICE: &str = "ipc-dlq-service";
/// What of the record did not fit its dead letter: `payload`, or `payload, headers`.
pub const DLQ_CUT: &str = "ipc-dlq-cut";
/// How often the record was redriven.
pub const DLQ_REPLAYS: &str = "ipc-dlq-replays";

/// What was decided for dead letters before it, by a record that is none itself:
/// `redriven` or `dropped`.
pub const DLQ_SETTLED: &str = "ipc-dlq-settled";
/// Which letters of the same partition that is about: offsets, ascending, runs joined,
/// `3-5,9`.
pub const DLQ_OFFSETS: &str = "ipc-dlq-offsets";

/// Spring's dead-letter headers: the record's first home.
pub const DLT_ORIGINAL_TOPIC: &str = "kafka_dlt-original-topic";
/// Four bytes, big-endian.
pub const DLT_ORIGINAL_PARTITION: &str = "kafka_dlt-original-partition";
/// Eight bytes, big-endian.
pub const DLT_ORIGINAL_OFFSET: &str = "kafka_dlt-original-offset";
/// Eight bytes, big-endian, Unix milliseconds.
pub const DLT_ORIGINAL_TIMESTAMP: &str = "kafka_dlt-original-timestamp";
/// `CreateTime` or `LogAppendTime`.
pub const DLT_ORIGINAL_TIMESTAMP_TYPE: &str = "kafka_dlt-original-timestamp-type";
/// The group that gave the record up.
pub const DLT_ORIGINAL_GROUP: &str = "kafka_dlt-original-consumer-group";
/// Type of the failure, in the writer's own terms.
pub const DLT_EXCEPTION_FQCN: &str = "kafka_dlt-exception-fqcn";
/// Message of the failure, cut to fit.
pub const DLT_EXCEPTION_MESSAGE: &str = "kafka_dlt-exception-message";

/// NestJS: the end of the replies, one byte `00`.
pub const NEST_IS_DISPOSED: &str = "kafka_nest-is-disposed";
/// NestJS: an error, JSON text.
pub const NEST_ERR: &str = "kafka_nest-err";
/// FastStream: ties a reply to its request, text.
pub const FASTSTREAM_CORRELATION_ID: &str = "correlation_id";
/// FastStream: the topic a reply goes to.
pub const FASTSTREAM_REPLY_TO: &str = "reply_to";
/// SmallRye: ties a reply to its request.
pub const SMALLRYE_CORRELATION_ID: &str = "REPLY_CORRELATION_ID";
/// SmallRye: the topic a reply goes to; never on a reply.
pub const SMALLRYE_REPLY_TOPIC: &str = "REPLY_TOPIC";
/// SmallRye: the partition the caller reads, four bytes, big-endian.
pub const SMALLRYE_REPLY_PARTITION: &str = "REPLY_PARTITION";

/// What the body is, where it says so.
pub const CONTENT_TYPE: &str = "content-type";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// W3C trace state.
pub const TRACESTATE: &str = "tracestate";
/// W3C baggage.
pub const BAGGAGE: &str = "baggage";
/// The caller's operation id.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Whether `name` belongs to one of the protocols spoken here, so that nobody
/// outside may set it through HTTP. Compared without regard to case.
///
/// ```
/// use ipc_core::envelope::names::is_reserved;
///
/// assert!(is_reserved("Kafka_ReplyTopic"));
/// assert!(!is_reserved("content-type"));
/// ```
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let begins = |prefix: &str| {
        let head = name.as_bytes().get(..prefix.len());
        // Peers spell as they should, so that the first look mostly settles it.
        head.is_some_and(|head| {
            head == prefix.as_bytes() || head.eq_ignore_ascii_case(prefix.as_bytes())
        })
    };
    match name.as_bytes().first().map(u8::to_ascii_lowercase) {
        Some(b':') => true,
        Some(b'i') => begins("ipc-"),
        Some(b'k') => begins("kafka_"),
        Some(b'r') => begins("reply_"),
        Some(b's') => begins("spring_"),
        Some(b'_') => begins("__"),
        Some(b'c') => begins("ce_") || name.eq_ignore_ascii_case(FASTSTREAM_CORRELATION_ID),
        _ => false,
    }
}

/// Whether a request's header of this name may say something to this crate: told by
/// its first byte and its length, so that an application's own headers are mostly not
/// compared with any name above.
pub(crate) fn may_be_of_a_request(name: &str) -> bool {
    const CORRELATION: usize = FASTSTREAM_CORRELATION_ID.len();
    const REPLY_TO: usize = FASTSTREAM_REPLY_TO.len();
    const PARENT: usize = TRACEPARENT.len();
    const STATE: usize = TRACESTATE.len();
    matches!(
        (name.as_bytes().first(), name.len()),
        (Some(b':' | b'i' | b'k' | b'R'), _)
            | (Some(b'c'), CORRELATION)
            | (Some(b'r'), REPLY_TO)
            | (Some(b't'), PARENT | STATE)
    )
}

/// `name` as a constant, where it is one that most requests or replies carry.
#[cfg(feature = "kafka")]
pub(crate) fn known(name: &str) -> Option<&'static str> {
    macro_rules! one_of {
        ($($known:ident),*) => {
            match name {
                $($known => Some($known),)*
                _ => None,
            }
        };
    }
    one_of!(
        CORRELATION_ID,
        REPLY_TOPIC,
        REPLY_PARTITION,
        METHOD,
        PATH,
        STATUS,
        DEADLINE,
        BUDGET,
        CALLER,
        ATTEMPT,
        ACCEPT,
        SEQ,
        INSTANCE,
        CONTENT_TYPE,
        TRACEPARENT
    )
}

/// Headers beside `ipc-*` whose values are the protocol's own.
const LOGGABLE: &[&str] = &[
    CORRELATION_ID,
    REPLY_TOPIC,
    REPLY_PARTITION,
    METHOD,
    STATUS,
    NEST_IS_DISPOSED,
    FASTSTREAM_CORRELATION_ID,
    FASTSTREAM_REPLY_TO,
    SMALLRYE_CORRELATION_ID,
    SMALLRYE_REPLY_TOPIC,
    SMALLRYE_REPLY_PARTITION,
    TRACEPARENT,
];

/// Whether the value of `name` may stand in a log: it is the protocol's own and
/// holds nothing an application or its user sent.
#[must_use]
pub fn is_loggable(name: &str) -> bool {
    (name.starts_with("ipc-") && name != PEER && name != PRINCIPAL) || LOGGABLE.contains(&name)
}

/// Headers that may carry a credential. They cross, because applications need
/// them; they are never logged, and are removed from dead letters.
pub const SENSITIVE: &[&str] = &[
    "authorization",
    "cookie",
    "set-cookie",
    "proxy-authorization",
];

/// Whether `name` may carry a credential.
#[must_use]
pub fn is_sensitive(name: &str) -> bool {
    SENSITIVE
        .iter()
        .any(|sensitive| name.eq_ignore_ascii_case(sensitive))
}
