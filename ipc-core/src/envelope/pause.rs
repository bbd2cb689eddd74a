//! Records of `<service>.pauses`: what of a service is not to be consumed.
//!
//! The topic is compacted. A record's key says what is paused, its payload why; a
//! record without payload resumes it.

use bytes::Bytes;
use bytestring::ByteString;

use super::{Envelope, Headers, names};

/// The key that means everything.
const EVERYTHING: &str = "*";
/// The longest name of an endpoint, in bytes.
const LONGEST_ENDPOINT: usize = 1024;
/// The longest reason, in bytes; more is cut off.
const LONGEST_REASON: usize = 512;

/// What is paused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PauseScope {
    /// The whole service.
    Service,
    /// One endpoint: `POST /orders/{id}`, or `topic orders.imported`.
    OneEndpoint(ByteString),
}

/// One record of the topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PauseRecord {
    /// What it is about.
    pub scope: PauseScope,
    /// Why it is paused, empty where nobody said; `None` resumes it.
    pub reason: Option<String>,
}

impl PauseScope {
    fn read(key: &Bytes) -> Option<Self> {
        let name = ByteString::try_from(key.clone()).ok()?;
        if name == EVERYTHING {
            return Some(Self::Service);
        }
        let fits = (1..=LONGEST_ENDPOINT).contains(&name.len());
        let legible = !name.chars().any(char::is_control);
        (fits && legible).then_some(Self::OneEndpoint(name))
    }

    /// As it stands in a record: `*`, or the endpoint's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Service => EVERYTHING,
            Self::OneEndpoint(name) => name,
        }
    }
}

/// `*` is the service.
impl From<&str> for PauseScope {
    fn from(name: &str) -> Self {
        match name {
            EVERYTHING => Self::Service,
            name => Self::OneEndpoint(name.into()),
        }
    }
}

impl PauseRecord {
    /// Reads one; `None` for what is none, or cannot be read.
    #[must_use]
    pub fn parse(envelope: &Envelope) -> Option<Self> {
        let scope = PauseScope::read(envelope.key.as_ref()?)?;
        let reason = match &envelope.payload {
            Some(reason) => Some(legible(std::str::from_utf8(reason).ok()?)),
            None => None,
        };
        Some(Self { scope, reason })
    }

    /// The whole record.
    #[must_use]
    pub fn to_envelope(&self) -> Envelope {
        let kind = if self.reason.is_some() {
            "pause"
        } else {
            "resume"
        };
        let mut headers = Headers::with_capacity(1);
        headers.push_static(names::CONTROL, Bytes::from_static(kind.as_bytes()));
        Envelope {
            headers,
            key: Some(Bytes::copy_from_slice(self.scope.as_str().as_bytes())),
            payload: self.reason.as_deref().map(|text| legible(text).into()),
        }
    }
}

/// What may be shown in a log, whoever wrote it.
fn legible(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST_REASON);
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text[..end].chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(name in "[^\\p{Cc}]{1,100}", reason in proptest::option::of("[^\\p{Cc}]{0,100}")) {
            let record = PauseRecord { scope: PauseScope::from(&*name), reason };
            prop_assert_eq!(PauseRecord::parse(&record.to_envelope()), Some(record));
        }

        #[test]
        fn whatever_bytes_there_are_nothing_that_steers_a_terminal_is_read(key: Vec<u8>, payload: Vec<u8>) {
            let envelope = Envelope {
                headers: Headers::new(),
                key: Some(key.into()),
                payload: Some(payload.into()),
            };
            if let Some(record) = PauseRecord::parse(&envelope) {
                let reason = record.reason.unwrap_or_default();
                prop_assert!(reason.len() <= LONGEST_REASON);
                let text = format!("{}{reason}", record.scope.as_str());
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn a_star_is_the_whole_service_and_no_payload_resumes_it() {
        let resumed = PauseRecord {
            scope: PauseScope::Service,
            reason: None,
        };
        let envelope = resumed.to_envelope();
        assert_eq!(envelope.key.as_deref(), Some(&b"*"[..]));
        assert_eq!(envelope.payload, None);
        assert_eq!(PauseRecord::parse(&envelope), Some(resumed));
    }
}
