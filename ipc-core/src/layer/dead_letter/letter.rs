//! What a dead letter says.

use bytes::Bytes;

use crate::dispatch::{Delivery, Failure};
use crate::envelope::{Envelope, Headers, UnixMillis, names};
use crate::transport::Timestamp;

/// Longest message kept of a failure, in bytes.
const MESSAGE: usize = 1024;
/// Room for what a letter adds to the headers of its record.
const OWN_HEADERS: usize = 14;

/// A record that was given up, and why.
pub(super) struct Letter<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) failure: &'a Failure,
    pub(super) group: &'a str,
    pub(super) service: &'a str,
    pub(super) at: UnixMillis,
}

/// How much of the record a letter carries. One that is as large as its topic
/// allows has no room for what a letter adds; what is cut is still in the log at
/// the place that the letter names, for as long as that topic keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    Whole,
    WithoutPayload,
    WithoutPayloadAndHeaders,
}

impl Fit {
    /// What to try when a letter of this fit is too large.
    pub(super) fn tighter(self) -> Option<Self> {
        match self {
            Self::Whole => Some(Self::WithoutPayload),
            Self::WithoutPayload => Some(Self::WithoutPayloadAndHeaders),
            Self::WithoutPayloadAndHeaders => None,
        }
    }

    /// What is missing, as `ipc-dlq-cut` says it.
    pub(super) fn cut(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::WithoutPayload => "payload",
            Self::WithoutPayloadAndHeaders => "payload, headers",
        }
    }
}

impl Letter<'_> {
    pub(super) fn write(&self, fit: Fit) -> Envelope {
        let original = &self.delivery.envelope;
        let mut headers = match fit {
            Fit::WithoutPayloadAndHeaders => Headers::with_capacity(OWN_HEADERS),
            _ => redacted(&original.headers),
        };
        self.describe(&mut headers);
        if fit != Fit::Whole {
            headers.push_static(names::DLQ_CUT, fit.cut());
        }
        let payload = original.payload.clone();
        Envelope {
            headers,
            key: original.key.clone(),
            payload: payload.filter(|_| fit == Fit::Whole),
        }
    }

    fn describe(&self, headers: &mut Headers) {
        let origin = self.delivery.home();
        let (written, kind) = match origin.timestamp {
            Timestamp::Created(at) => (at.0, "CreateTime"),
            Timestamp::Appended(at) => (at.0, "LogAppendTime"),
            Timestamp::Unknown => (0, "NoTimestampType"),
        };
        let mut add = |name, value: Bytes| headers.push_static(name, value);
        let big_endian = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
        let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        add(names::DLT_ORIGINAL_TOPIC, text(&origin.partition.topic));
        add(
            names::DLT_ORIGINAL_PARTITION,
            big_endian(&origin.partition.partition.to_be_bytes()),
        );
        add(
            names::DLT_ORIGINAL_OFFSET,
            big_endian(&origin.offset.to_be_bytes()),
        );
        add(
            names::DLT_ORIGINAL_TIMESTAMP,
            big_endian(&written.to_be_bytes()),
        );
        add(names::DLT_ORIGINAL_TIMESTAMP_TYPE, text(kind));
        add(names::DLT_ORIGINAL_GROUP, text(self.group));
        let reason = self.failure.reason.as_str();
        add(names::DLT_EXCEPTION_FQCN, text(reason));
        add(
            names::DLT_EXCEPTION_MESSAGE,
            text(shortened(&self.failure.message)),
        );
        add(names::DLQ_REASON, text(reason));
        let attempts = self.delivery.head.attempt.to_string();
        add(names::DLQ_ATTEMPTS, text(&attempts));
        let past = self.delivery.past.as_ref();
        let first_failed = past.map_or(self.at, |past| past.first_failed);
        add(names::DLQ_FIRST_FAILED, text(&first_failed.0.to_string()));
        add(names::DLQ_SERVICE, text(self.service));
    }
}

/// The original headers without those that may carry a credential, which are
/// named instead.
fn redacted(headers: &Headers) -> Headers {
    let mut removed: Vec<&str> = Vec::new();
    let mut kept = Headers::with_capacity(headers.len() + OWN_HEADERS);
    for header in headers {
        if names::is_sensitive(&header.name) {
            removed.push(&header.name);
        } else {
            kept.push_value(header.name.clone(), header.value.clone());
        }
    }
    if !removed.is_empty() {
        kept.push_static(names::REDACTED, removed.join(", "));
    }
    kept
}

/// At most [`MESSAGE`] bytes, cut between characters.
fn shortened(message: &str) -> &str {
    &message[..message.floor_char_boundary(MESSAGE)]
}
