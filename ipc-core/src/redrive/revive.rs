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
}

/// Headers of the first journey: who waited for the answer, until when, how it
/// travelled and how often it was tried. None of that is true of the next one.
const SPENT: &[&str] = &[
    names::REPLY_TOPIC,
    names::REPLY_PARTITION,
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

/// What a dead letter says of itself begins so.
const OF_THE_LETTER: [&str; 2] = ["ipc-dlq-", "kafka_dlt-"];

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
    SPENT.contains(&name) || OF_THE_LETTER.iter().any(|prefix| name.starts_with(prefix))
}
