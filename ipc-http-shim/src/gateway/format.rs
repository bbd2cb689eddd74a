//! How the records of a reply stream become the bytes of a body.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, response};
use ipc_core::envelope::Problem;

use super::form::Form;
use super::stream::essence;
use super::{ndjson, sse};
use crate::kept::Position;
use crate::upstream::ReplyRecord;

/// How records become bytes.
pub(super) enum Format {
    /// As they are: the service writes events, or lines, itself.
    PassThrough {
        /// What ends one.
        end: &'static [u8],
        /// The one that tells a problem.
        problem: fn(&Problem) -> Bytes,
        /// Whether the last record ended one, so that one of ours can follow.
        between: bool,
    },
    /// One event each. A stream that ends badly ends with an `error` event.
    Events {
        /// What the stream is called in their ids, where it is kept.
        stream: Option<String>,
    },
    /// One line of JSON each, and one for the problem at a bad end.
    Lines,
    /// As they are: bytes in which nothing of ours can stand.
    Plain,
}

impl Format {
    /// Writes an answer with this head in a form, and says so in the head. What is an error,
    /// or is events already, stays what it is.
    pub(super) fn of(form: Form, head: &mut response::Parts) -> Self {
        if !head.status.is_success() {
            return Self::Plain;
        }
        let is = |name: &str| {
            let essence = essence(&head.headers);
            essence.is_some_and(|essence| essence.eq_ignore_ascii_case(name))
        };
        if is(sse::CONTENT_TYPE) {
            return Self::PassThrough {
                end: b"\n\n",
                problem: sse::error,
                between: true,
            };
        }
        let has_lines = ndjson::CONTENT_TYPES.into_iter().any(is);
        declare(form, &mut head.headers);
        match form {
            Form::Events => Self::Events { stream: None },
            // A record may hold some lines of them, or a part of one.
            Form::Lines(_) if has_lines => Self::PassThrough {
                end: b"\n",
                problem: ndjson::error,
                between: true,
            },
            Form::Lines(_) => Self::Lines,
            Form::Bytes => Self::Plain,
        }
    }

    /// What keeps a silent connection in use, where that means nothing to its reader.
    pub(super) fn keep_alive(&self) -> Option<Bytes> {
        matches!(self, Self::Events { .. }).then_some(sse::KEEP_ALIVE)
    }

    pub(super) fn write(&mut self, record: ReplyRecord) -> Result<Bytes, Problem> {
        let ReplyRecord { seq, payload } = record;
        match self {
            Self::Plain => Ok(payload),
            Self::PassThrough { end, between, .. } => {
                if !payload.is_empty() {
                    *between = payload.ends_with(end);
                }
                Ok(payload)
            }
            Self::Lines => Ok(ndjson::record(&payload)),
            Self::Events { stream } => match (std::str::from_utf8(&payload), stream) {
                (Ok(text), None) => Ok(sse::record(seq, text)),
                (Ok(text), Some(stream)) => Ok(sse::record(Position::new(stream, seq), text)),
                (Err(_), _) => Err(not_text(seq)),
            },
        }
    }

    /// The end of a stream that went wrong, where it can be told.
    pub(super) fn end(&self, failed: &Problem) -> Option<Bytes> {
        match self {
            Self::Events { .. } => Some(sse::error(failed)),
            Self::Lines => Some(ndjson::error(failed)),
            Self::PassThrough {
                problem, between, ..
            } => between.then(|| problem(failed)),
            Self::Plain => None,
        }
    }
}

fn declare(form: Form, headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
    headers.append(VARY, ACCEPT.into());
}

fn not_text(seq: u32) -> Problem {
    Problem::new("malformed-reply", "the reply cannot be read", 502).with_detail(format!(
        "record {seq} is not UTF-8, as events are: encode it, ask for another form, or route it \
         with mode \"call\""
    ))
}
