//! Why a letter is not sent back.

use std::fmt;

use super::Place;

/// A letter that was not sent back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Where it lies.
    pub place: Place,
    /// Why.
    pub why: Refusal,
}

/// Why a letter is not sent back; it stays open. The text says what can be done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// It says not where it came from.
    NoOrigin,
    /// It had to be cut to fit its topic.
    Cut {
        /// What is missing: `payload`, or `payload, headers`.
        what: String,
        /// The topic and the place of the whole record, as far as the letter says it.
        original: Option<(String, Place)>,
    },
    /// Headers that may carry a credential were removed.
    Redacted {
        /// Their names.
        names: String,
    },
    /// It says who sent it, and would be handled in that name again.
    Principal,
    /// It was sent back often enough.
    TooOften {
        /// How often it was.
        replays: u64,
    },
    /// The topic it came from does not exist.
    NoTopic {
        /// The topic.
        topic: String,
    },
    /// The log does not take it.
    NotTaken {
        /// Why.
        why: String,
    },
}

impl Refusal {
    /// The stable name of the kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoOrigin => "no-origin",
            Self::Cut { .. } => "cut",
            Self::Redacted { .. } => "redacted",
            Self::Principal => "principal",
            Self::TooOften { .. } => "too-often",
            Self::NoTopic { .. } => "no-topic",
            Self::NotTaken { .. } => "not-taken",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOrigin => f.write_str("names no topic that it came from: drop it"),
            Self::Cut { what, original } => {
                write!(f, "is without its {what}, which did not fit: ")?;
                match original {
                    Some((topic, place)) => write!(
                        f,
                        "send the record at {place} of {topic} again from there while it is kept, then drop the letter"
                    ),
                    None => f.write_str("drop it"),
                }
            }
            Self::Redacted { names } => write!(
                f,
                "is without {names}: allow redacted letters where the endpoint needs no credentials"
            ),
            Self::Principal => f.write_str(
                "speaks for the client that sent it: trust principals where it may be done again in that name",
            ),
            Self::TooOften { replays } => write!(
                f,
                "was sent back {replays} times: mend the cause and allow more replays, or drop it"
            ),
            Self::NoTopic { topic } => {
                write!(
                    f,
                    "came from topic {topic}, which does not exist: create it"
                )
            }
            Self::NotTaken { why } => f.write_str(why),
        }
    }
}
