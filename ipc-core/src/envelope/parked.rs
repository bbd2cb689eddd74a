//! What the sender of a one-way is told if it is given up, and where.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Headers, Problem, decimal, names, text};

/// A one-way that was given up: a problem document, and where its dead letter lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parked {
    /// The document's standard members; its type is `urn:ipc:problem:parked`.
    #[serde(flatten)]
    pub problem: Problem,
    /// Why: the value of the dead letter's `ipc-dlq-reason`.
    pub reason: String,
    /// The dead-letter topic.
    pub topic: String,
    /// The dead letter's partition there.
    pub partition: i32,
    /// The dead letter's offset there.
    pub offset: i64,
}

impl Parked {
    /// One that was given up for `reason`, and lies there.
    #[must_use]
    pub fn new(
        reason: impl Into<String>,
        topic: impl Into<String>,
        partition: i32,
        offset: i64,
    ) -> Self {
        Self {
            problem: Problem::new("parked", "The record was given up", 500),
            reason: reason.into(),
            topic: topic.into(),
            partition,
            offset,
        }
    }

    /// The document's bytes.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        // Strings and integers only: serialising cannot fail.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// Reads a document; `None` where it is another.
    #[must_use]
    pub fn parse(document: &[u8]) -> Option<Self> {
        let parked: Self = serde_json::from_slice(document).ok()?;
        (parked.problem.name() == "parked").then_some(parked)
    }
}

/// Where the sender of a one-way reads what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedAddress {
    /// The topic.
    pub topic: String,
    /// The partition; `None` leaves it to the key.
    pub partition: Option<i32>,
}

impl ParkedAddress {
    /// Writes it to a request's headers.
    pub fn write(&self, headers: &mut Headers) {
        headers.push_static(names::PARKED_TOPIC, self.topic.clone());
        if let Some(partition) = self.partition.and_then(|it| u32::try_from(it).ok()) {
            headers.push_static(names::PARKED_PARTITION, decimal::write(partition));
        }
    }

    /// Reads it from a request's headers. `None` where there is none, or where it cannot
    /// be told which one is meant.
    #[must_use]
    pub fn read(headers: &Headers) -> Option<Self> {
        let topic = only(headers, names::PARKED_TOPIC)??;
        let partition = match only(headers, names::PARKED_PARTITION)? {
            None => None,
            Some(partition) => Some(decimal::read(partition)?),
        };
        let topic = text::read(topic)?.to_string();
        Some(Self { topic, partition })
    }
}

/// The only value of this name, if any; `None` where there are several.
fn only<'h>(headers: &'h Headers, name: &'h str) -> Option<Option<&'h Bytes>> {
    let mut values = headers.get_all(name).flatten();
    let first = values.next();
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_address_is_read_as_it_was_written(
            topic in "[a-z.]{1,20}",
            partition in prop::option::of(0..i32::MAX),
        ) {
            let address = ParkedAddress { topic, partition };
            let mut headers = Headers::new();
            address.write(&mut headers);
            prop_assert_eq!(ParkedAddress::read(&headers), Some(address));
        }

        #[test]
        fn a_document_is_read_as_it_was_written(
            reason in "[a-z-]{1,20}",
            topic in "[a-z.]{1,20}",
            partition in 0..i32::MAX,
            offset in 0..i64::MAX,
        ) {
            let parked = Parked::new(reason, topic, partition, offset);
            prop_assert_eq!(Parked::parse(&parked.to_json()), Some(parked));
        }
    }

    #[test]
    fn an_address_that_is_told_twice_or_cannot_be_read_is_none() {
        let address = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = Headers::new();
            for (name, value) in pairs {
                headers.push_static(name, *value);
            }
            ParkedAddress::read(&headers)
        };
        let (topic, partition) = (names::PARKED_TOPIC, names::PARKED_PARTITION);
        assert_eq!(address(&[]), None);
        assert_eq!(address(&[(partition, "1")]), None);
        assert_eq!(address(&[(topic, "a"), (topic, "b")]), None);
        assert_eq!(address(&[(topic, "a"), (partition, "x")]), None);
        assert_eq!(
            address(&[(topic, "a"), (partition, "1"), (partition, "2")]),
            None
        );
    }

    #[test]
    fn another_document_is_none_of_these() {
        let other = Problem::new("expired", "The deadline has passed", 504);
        assert_eq!(Parked::parse(&other.to_json()), None);
        assert_eq!(Parked::parse(b""), None);
    }
}
