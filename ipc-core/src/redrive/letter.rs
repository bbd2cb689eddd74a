//! One dead letter, as it is read.

use std::fmt;

use crate::envelope::{Envelope, Headers, UnixMillis, names};
use crate::transport::Received;

use super::Place;

/// What was decided for a dead letter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
#[non_exhaustive]
pub enum State {
    /// Nothing yet.
    #[default]
    Open,
    /// It was sent back to its topic.
    Redriven,
    /// It is not to be sent back.
    Dropped,
}

impl State {
    /// The stable text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Redriven => "redriven",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record that a service gave up, with what it said of that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    place: Place,
    written: Option<UnixMillis>,
    envelope: Envelope,
    state: State,
}

impl DeadLetter {
    /// The record as a letter nothing was decided for.
    pub(crate) fn new(record: Received) -> Self {
        Self {
            place: Place::of(&record.origin),
            written: record.origin.timestamp.millis(),
            envelope: record.envelope,
            state: State::Open,
        }
    }

    pub(super) fn in_state(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// Where it lies.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// What was decided for it.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// When the record failed first, else when the letter was written.
    #[must_use]
    pub fn failed_at(&self) -> Option<UnixMillis> {
        let told = self.number(names::DLQ_FIRST_FAILED).map(UnixMillis);
        told.or(self.written)
    }

    /// Why it was given up: `panic`, `timeout` and the like, or what another
    /// framework calls the failure. Empty where nothing says so.
    #[must_use]
    pub fn reason(&self) -> &str {
        let told = self.text(names::DLQ_REASON);
        told.or_else(|| self.text(names::DLT_EXCEPTION_FQCN))
            .unwrap_or_default()
    }

    /// What the failure said.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.text(names::DLT_EXCEPTION_MESSAGE)
    }

    /// How often the record was tried.
    #[must_use]
    pub fn attempts(&self) -> Option<u64> {
        self.number(names::DLQ_ATTEMPTS)
    }

    /// How often it was sent back already.
    #[must_use]
    pub fn replays(&self) -> u64 {
        self.number(names::DLQ_REPLAYS).unwrap_or(0)
    }

    /// The service that gave it up.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.text(names::DLQ_SERVICE)
    }

    /// The HTTP method of the request.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.text(names::METHOD)
    }

    /// The HTTP path of the request, with its query.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.text(names::PATH)
    }

    /// The topic that the service read the record from.
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        // Where a record carries the header twice, the service itself wrote the last.
        let topic = self.text(names::DLT_ORIGINAL_TOPIC);
        topic.filter(|topic| !topic.is_empty())
    }

    /// Where in that topic the record was.
    #[must_use]
    pub fn original_place(&self) -> Option<Place> {
        let partition = self.headers().get(names::DLT_ORIGINAL_PARTITION)?;
        let offset = self.headers().get(names::DLT_ORIGINAL_OFFSET)?;
        Some(Place {
            partition: i32::from_be_bytes(partition.as_ref().try_into().ok()?),
            offset: i64::from_be_bytes(offset.as_ref().try_into().ok()?),
        })
    }

    /// What did not fit the letter: `payload`, or `payload, headers`.
    #[must_use]
    pub fn cut(&self) -> Option<&str> {
        self.text(names::DLQ_CUT)
    }

    /// The names of headers that were removed because they may carry a credential.
    #[must_use]
    pub fn redacted(&self) -> Option<&str> {
        self.text(names::REDACTED)
    }

    /// The letter as it lies in the log: headers, key and payload.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn headers(&self) -> &Headers {
        &self.envelope.headers
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.headers().get_str(name)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
}
