//! The header dialects of other frameworks that call over Kafka.
//!
//! They differ in the names of three headers, in how a number is spelled, and in
//! how the last reply and an error are told. Everything else is shared.

mod faststream;
mod nestjs;
mod smallrye;

use std::fmt;
use std::str::FromStr;

use super::{CorrelationId, Envelope, Headers, ReplyPart, names};

/// Whose headers a peer reads and writes.
///
/// When answering, it is found out from the request. When calling, it is chosen
/// for each service.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Dialect {
    /// Spring's `ReplyingKafkaTemplate` and `@SendTo`, and this crate itself.
    #[default]
    Native,
    /// NestJS's Kafka transporter.
    NestJs,
    /// FastStream.
    FastStream,
    /// SmallRye Reactive Messaging (Quarkus).
    SmallRye,
}

/// Every dialect with its name in configuration files.
const NAMES: [(Dialect, &str); 4] = [
    (Dialect::Native, "native"),
    (Dialect::NestJs, "nestjs"),
    (Dialect::FastStream, "faststream"),
    (Dialect::SmallRye, "smallrye"),
];

/// The headers in which a request says who waits where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spelling {
    pub(super) correlation_id: &'static str,
    pub(super) topic: &'static str,
    /// `None` where the framework knows no reply partition.
    pub(super) partition: Option<&'static str>,
}

impl Dialect {
    /// A fresh correlation id that the peer can echo: text wherever it would
    /// damage raw bytes.
    #[must_use]
    pub fn correlation_id(self) -> CorrelationId {
        match self {
            Self::Native => CorrelationId::random(),
            Self::NestJs | Self::FastStream | Self::SmallRye => CorrelationId::random_text(),
        }
    }

    /// Whether a request says on which partition its caller waits.
    pub(crate) fn names_reply_partition(self) -> bool {
        self.spelling().partition.is_some()
    }

    pub(super) fn spelling(self) -> &'static Spelling {
        match self {
            Self::Native | Self::NestJs => &KAFKA,
            Self::FastStream => &faststream::SPELLING,
            Self::SmallRye => &smallrye::SPELLING,
        }
    }

    /// Whether the peer's client decodes header values as text, and so damages
    /// or refuses others.
    pub(super) fn wants_text(self) -> bool {
        matches!(self, Self::NestJs | Self::FastStream)
    }

    /// Whether the peer can take many replies to one request and tell the last,
    /// without having said so.
    pub(super) fn reads_streams(self) -> bool {
        self == Self::NestJs
    }

    /// What is left to do once the headers of a request are written.
    pub(super) fn finish_request(self, headers: &mut Headers) {
        if self == Self::FastStream {
            faststream::make_text(headers);
        }
    }

    /// What is left to do once the shared headers of a reply are written.
    pub(super) fn finish_reply(self, status: u16, part: ReplyPart, record: &mut Envelope) {
        match self {
            Self::Native => {}
            Self::NestJs => nestjs::finish_reply(status, part, record),
            Self::FastStream => faststream::finish_reply(&mut record.headers),
            Self::SmallRye => smallrye::finish_reply(&mut record.headers),
        }
    }

    /// Puts the body of a reply where the native dialect has it.
    pub(super) fn normalize_reply(self, record: &mut Envelope) {
        if self == Self::NestJs {
            nestjs::move_error_to_payload(record);
        }
    }
}

/// Spring's names, which NestJS shares.
const KAFKA: Spelling = Spelling {
    correlation_id: names::CORRELATION_ID,
    topic: names::REPLY_TOPIC,
    partition: Some(names::REPLY_PARTITION),
};

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = NAMES.iter().find(|(dialect, _)| dialect == self);
        f.write_str(known.map_or("", |(_, name)| name))
    }
}

/// A dialect was named that does not exist.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("dialect {0:?} is unknown: use native, nestjs, faststream or smallrye")]
pub struct UnknownDialect(String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NAMES
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(dialect, _)| *dialect)
            .ok_or_else(|| UnknownDialect(text.to_owned()))
    }
}
