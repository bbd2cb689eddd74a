//! From a dead letter back to the record it was.

use std::sync::Arc;

use crate::envelope::{Envelope, Header, names};
use crate::transport::Outgoing;

use super::{DeadLetter, Refusal};

/// What may be sent back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limits {
    /// How often one record may be.
    pub(super) max_replays: u64,
    /// Whether those whose credentials were removed may be.
    pub(super) allow_redacted: bool,
    /// Whether those that say who sent them may be.
    pub(super) trust_principals: bool,
}

/// Headers of the first journey: who waited for the answer, until when, how it
/// travelled and how often it was tried. None of that is true of the next one.
const SPENT: &[&str] = &[
    names::REPLY_TOPIC,
    names::REPLY_PARTITION,
    names::PARKED_TOPIC,
    names::PARKED_PARTITION,
    names::SMALLRYE_REPLY_TOPIC,
    names::SMALLRYE_REPLY_PARTITION,
    names::FASTSTREAM_REPLY_TO,
    names::DEADLINE,
    names::BUDGET,
    names::CALLER,
    names::CHAIN,
    names::ACCEPT,
    names::ATTEMPT,
    names::CHUNK,
    names::END,
    names::REDACTED,
];

/// What a dead letter says of itself, and what a retry topic noted, begins so.
const OF_THE_WAY: [&str; 3] = ["ipc-dlq-", "kafka_dlt-", "ipc-retry-"];

/// The record to send: to the topic the letter's came from, where its key decides the
/// partition as it did before.
pub(super) fn revive(letter: &DeadLetter, limits: Limits) -> Result<Outgoing, Refusal> {
    let topic = letter.topic().ok_or(Refusal::NoOrigin)?;
    if let Some(what) = letter.cut() {
        let place = letter.original_place();
        return Err(Refusal::Cut {
            what: what.to_owned(),
            original: place.map(|place| (topic.to_owned(), place)),
        });
    }
    if let (Some(names), false) = (letter.redacted(), limits.allow_redacted) {
        let names = names.to_owned();
        return Err(Refusal::Redacted { names });
    }
    let speaks_for = letter.envelope().headers.contains(names::PRINCIPAL);
    if speaks_for && !limits.trust_principals {
        return Err(Refusal::Principal);
    }
    let replays = letter.replays();
    if replays >= limits.max_replays {
        return Err(Refusal::TooOften { replays });
    }
    let Envelope {
        mut headers,
        key,
        payload,
    } = letter.envelope().clone();
    headers.retain(|header| !is_spent(header));
    headers.push_static(names::DLQ_REPLAYS, (replays + 1).to_string());
    Ok(Outgoing {
        topic: Arc::from(topic),
        partition: None,
        envelope: Envelope {
            headers,
            key,
            payload,
        },
    })
}

fn is_spent(header: &Header) -> bool {
    let name = &*header.name;
    SPENT.contains(&name) || OF_THE_WAY.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::{Headers, UnixMillis};
    use crate::transport::{Origin, Received, Timestamp, TopicPartition};

    const LIMITS: Limits = Limits {
        max_replays: 3,
        allow_redacted: true,
        trust_principals: false,
    };

    const KEPT: &[&str] = &[
        names::METHOD,
        names::PATH,
        names::IDEMPOTENCY_KEY,
        names::PEER,
    ];

    fn letter(headers: Headers) -> DeadLetter {
        DeadLetter::new(Received {
            envelope: Envelope {
                headers,
                key: Some("7".into()),
                payload: Some("tea".into()),
            },
            origin: Origin {
                partition: TopicPartition {
                    topic: "orders.dlq".into(),
                    partition: 0,
                },
                offset: 0,
                timestamp: Timestamp::Created(UnixMillis(1)),
            },
            intact: true,
        })
    }

    fn header() -> impl Strategy<Value = (String, Option<Vec<u8>>)> {
        let spent = prop::sample::select(SPENT);
        let name = prop_oneof![
            spent.prop_map(str::to_owned),
            prop::sample::select(KEPT).prop_map(str::to_owned),
            "(ipc-dlq-|kafka_dlt-|ipc-retry-)[a-b]{1,3}",
            "[a-z-]{1,8}",
        ];
        (
            name,
            prop::option::of(prop::collection::vec(any::<u8>(), 0..4)),
        )
    }

    proptest! {
        #[test]
        fn everything_goes_back_but_what_is_spent(
            list in prop::collection::vec(header(), 0..20),
        ) {
            let mut headers = Headers::new();
            for (name, value) in &list {
                headers.push_value(name.as_str(), value.clone().map(Into::into));
            }
            headers.push_static(names::DLT_ORIGINAL_TOPIC, "orders.requests");
            let record = revive(&letter(headers), LIMITS).unwrap();

            let mut expected = Headers::new();
            for (name, value) in list {
                let of_the_way = OF_THE_WAY.iter().any(|prefix| name.starts_with(prefix));
                if !of_the_way && !SPENT.contains(&name.as_str()) {
                    expected.push_value(name, value.map(Into::into));
                }
            }
            expected.push_static(names::DLQ_REPLAYS, "1");
            prop_assert_eq!(record.envelope.headers, expected);
            prop_assert_eq!(record.envelope.key, Some("7".into()));
            prop_assert_eq!(record.envelope.payload, Some("tea".into()));
            prop_assert_eq!((&*record.topic, record.partition), ("orders.requests", None));
        }

        #[test]
        fn replays_are_counted_up_to_the_limit(replays: u64, limit: u64) {
            let mut headers = Headers::new();
            headers.push_static(names::DLT_ORIGINAL_TOPIC, "orders.requests");
            headers.push_static(names::DLQ_REPLAYS, replays.to_string());
            let revived = revive(&letter(headers), Limits { max_replays: limit, ..LIMITS });
            match revived {
                Ok(record) => {
                    prop_assert!(replays < limit);
                    let told = record.envelope.headers.get_str(names::DLQ_REPLAYS).map(str::to_owned);
                    prop_assert_eq!(told, Some((replays + 1).to_string()));
                }
                Err(refusal) => {
                    prop_assert!(replays >= limit);
                    prop_assert_eq!(refusal, Refusal::TooOften { replays });
                }
            }
        }
    }

    #[test]
    fn the_service_that_gave_it_up_says_where_it_goes_and_no_header_of_a_sender() {
        let mut headers = Headers::new();
        headers.push_static(names::DLT_ORIGINAL_TOPIC, "payments.requests");
        headers.push_static(names::DLT_ORIGINAL_TOPIC, "orders.requests");
        let record = revive(&letter(headers), LIMITS).unwrap();
        assert_eq!(&*record.topic, "orders.requests");
    }
}
