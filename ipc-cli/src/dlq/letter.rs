//! A dead letter as JSON has it.

use ipc_core::redrive::DeadLetter;
use serde::Serialize;

use crate::text::{self, Bytes};
use crate::time;

/// What `list` says of a letter.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    letter: String,
    state: &'static str,
    failed_at: Option<String>,
    reason: &'a str,
    message: Option<&'a str>,
    attempts: Option<u64>,
    replays: u64,
    service: Option<&'a str>,
    method: Option<&'a str>,
    path: Option<&'a str>,
    key: Option<Bytes>,
    topic: Option<&'a str>,
    original: Option<String>,
    cut: Option<&'a str>,
    redacted: Option<&'a str>,
}

impl<'a> Summary<'a> {
    pub(super) fn of(letter: &'a DeadLetter) -> Self {
        Self {
            letter: letter.place().to_string(),
            state: letter.state().as_str(),
            failed_at: letter.failed_at().map(time::show),
            reason: letter.reason(),
            message: letter.message(),
            attempts: letter.attempts(),
            replays: letter.replays(),
            service: letter.service(),
            method: letter.method(),
            path: letter.path(),
            key: letter.envelope().key.as_deref().map(Bytes::from),
            topic: letter.topic(),
            original: letter.original_place().map(|place| place.to_string()),
            cut: letter.cut(),
            redacted: letter.redacted(),
        }
    }
}

/// What `show` says of it.
#[derive(Debug, Serialize)]
pub(super) struct Full<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    /// In wire order; a name may repeat.
    headers: Vec<(&'a str, Option<Bytes>)>,
    payload: Option<Bytes>,
}

impl<'a> Full<'a> {
    pub(super) fn of(letter: &'a DeadLetter) -> Self {
        let envelope = letter.envelope();
        let headers = envelope
            .headers
            .iter()
            .map(|header| (&*header.name, header.value.as_deref().map(Bytes::from)));
        Self {
            summary: Summary::of(letter),
            headers: headers.collect(),
            payload: envelope.payload.as_deref().map(Bytes::from),
        }
    }
}

/// `POST /orders/7/place`, as far as the letter says it.
pub(super) fn endpoint(letter: &DeadLetter) -> String {
    let parts = [letter.method(), letter.path()];
    let parts: Vec<String> = parts.into_iter().flatten().map(text::printable).collect();
    parts.join(" ")
}
