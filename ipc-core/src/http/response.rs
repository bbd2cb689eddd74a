//! An HTTP response as a reply.

use ::http::header::{self, HeaderMap, HeaderValue};
use std::time::SystemTime;

use ::http::{StatusCode, response};
use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};

use super::headers;
use super::pieces::Pieces;
use super::status;
use crate::dispatch::{BodyError, Mode, RECORD, Reply, ReplyBody};
use crate::envelope::limits::CHUNK;
use crate::envelope::{Accepts, Headers, Problem, ReplyWriter};
use crate::response::ReplyStream;

/// The longest body, in bytes, that travels in one record to a caller that could
/// read more than one: the size of a chunk.
pub const CHUNK_BYTES: usize = CHUNK;

/// The longest body, in bytes, that travels in one record to a caller that reads
/// no more than one: what leaves room for headers under the broker's default
/// limit of 1 MiB.
pub const RECORD_BYTES: usize = RECORD;

/// Media types whose bodies are many replies.
const STREAMED: &[&str] = &["text/event-stream", "application/x-ndjson"];

/// What decides how a response travels.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) accepts: Accepts,
    pub(super) mode: Mode,
    pub(super) head_only: bool,
}

/// The reply a response makes for the caller who asked.
pub(super) async fn to_reply(
    parts: response::Parts,
    body: Body,
    asked: Asked,
) -> Result<Reply, Problem> {
    if asked.mode == Mode::OneWay && parts.status.as_u16() < 400 {
        let accepted = StatusCode::ACCEPTED.as_u16();
        return Ok(Reply::full(accepted, Headers::new(), Bytes::new()));
    }
    let repeat = status::repeat(&parts, SystemTime::now);
    let mut record = Headers::with_capacity(parts.headers.len() + ReplyWriter::MOST_HEADERS);
    headers::to_record(&parts.headers, &mut record);
    let body = if bodiless(parts.status) {
        ReplyBody::Full(Bytes::new())
    } else if asked.head_only {
        keep_length(&parts.headers, &body, &mut record);
        ReplyBody::Full(Bytes::new())
    } else if asked.accepts.stream && is_stream(&parts, asked.mode) {
        ReplyBody::Stream(Box::pin(Pieces::of(body, &parts.extensions)))
    } else {
        read(Pieces::of(body, &parts.extensions), asked.accepts).await?
    };
    Ok(Reply {
        cause: None,
        repeat,
        status: parts.status.as_u16(),
        headers: record,
        body,
    })
}

/// Statuses whose responses end with their headers (RFC 9110, 6.4.1).
fn bodiless(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

/// An HTTP server says in the response to HEAD how long the body would have
/// been, unless there was none to measure. A Router does so itself, other
/// services leave it to the server.
fn keep_length(headers: &HeaderMap, body: &Body, record: &mut Headers) {
    let length = body.size_hint().exact().filter(|length| *length > 0);
    if let (false, Some(length)) = (headers.contains_key(header::CONTENT_LENGTH), length) {
        record.push_static(header::CONTENT_LENGTH.as_str(), length.to_string());
    }
}

fn is_stream(parts: &response::Parts, mode: Mode) -> bool {
    let media_type = |value: &HeaderValue| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next();
        let essence = essence.unwrap_or_default().trim_ascii();
        STREAMED
            .iter()
            .any(|streamed| essence.eq_ignore_ascii_case(streamed.as_bytes()))
    };
    // A stream endpoint that refuses answers once, like any other.
    parts.extensions.get::<ReplyStream>().is_some()
        || (mode == Mode::Stream && parts.status.is_success())
        || parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(media_type)
}

/// Reads as much as goes into one record; what is longer goes in chunks where
/// the caller can read them.
async fn read(mut pieces: Pieces, accepts: Accepts) -> Result<ReplyBody, Problem> {
    let limit = if accepts.chunks {
        CHUNK_BYTES
    } else {
        RECORD_BYTES
    };
    let mut head = Vec::new();
    let mut length = 0;
    let known = pieces.known_length();
    while known <= limit && length <= limit {
        match pieces.next().await {
            None => return Ok(ReplyBody::Full(concat(head, length))),
            // Most bodies are one piece.
            Some(Ok(piece)) if head.is_empty() && piece.len() <= limit && pieces.have_ended() => {
                return Ok(ReplyBody::Full(piece));
            }
            Some(Ok(piece)) => {
                length += piece.len();
                head.push(piece);
            }
            Some(Err(BodyError(problem))) => return Err(problem),
        }
    }
    if accepts.chunks {
        let head = stream::iter(head.into_iter().map(Ok));
        Ok(ReplyBody::Chunked(Box::pin(head.chain(pieces))))
    } else {
        Err(too_large())
    }
}

fn concat(mut frames: Vec<Bytes>, length: usize) -> Bytes {
    if frames.len() < 2 {
        return frames.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(length);
    for frame in frames {
        whole.extend_from_slice(&frame);
    }
    whole.freeze()
}

/// 502, because this is a gateway whose origin has done the work and given an
/// answer that cannot be handed on. Not 413, which is about requests; not 406,
/// which is decided before the work; not 503 or 504, which invite a repetition
/// that would end the same way.
fn too_large() -> Problem {
    Problem::new(
        "reply-too-large",
        "the reply does not fit one record and the caller reads no more than one",
        502,
    )
    .with_detail(format!(
        "the reply has more than {RECORD_BYTES} bytes: send ipc-accept: chunks and read them, or ask for less"
    ))
}
