//! Reply streams: one request, many replies, as server-sent events.
//!
//! A service that writes `text/event-stream` itself is passed through as it is.
//! Anything else becomes one event for each record, its id the record's
//! position, after the request's where it is kept for a client that comes back. A
//! stream that ends badly ends with an `error` event that carries
//! the problem.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response};
use ipc_core::envelope::Problem;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::answer::{Refusal, name_request};
use super::resume::Keep;
use super::sse;
use crate::kept::Position;
use crate::upstream::{Outbound, ReplyRecord, ReplyStream, Upstream};

/// How long a connection may be silent: below the idle timeout of the usual
/// load balancers.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Answers with the service's replies as they come, which are kept for a client that comes
/// back where `keep` says so. `draining` ends the stream.
pub(super) async fn answer(
    upstream: &dyn Upstream,
    mut outbound: Outbound,
    keep: Option<Keep<'_>>,
    draining: CancellationToken,
) -> Result<Response<Body>, Refusal> {
    // Events are cut by record, which a compressed body is not.
    outbound.request.headers_mut().remove(ACCEPT_ENCODING);
    let to_head = outbound.request.method() == Method::HEAD;
    let ReplyStream {
        mut head,
        correlation_id,
        mut records,
    } = upstream.stream(outbound).await?;

    if !to_head {
        // How long it will be, nobody can know.
        head.headers.remove(CONTENT_LENGTH);
    }
    let mut format = if !head.status.is_success() {
        Format::Plain
    } else if is_event_stream(&head.headers) {
        Format::PassThrough {
            between_events: true,
        }
    } else {
        declare_event_stream(&mut head.headers);
        Format::PerRecord { stream: None }
    };
    name_request(&mut head.headers, correlation_id.as_ref());
    if let (Format::PerRecord { stream }, Some(keep), Some(id), false) =
        (&mut format, keep, &correlation_id, to_head)
    {
        let id = id.to_string();
        records = keep.begin(&id, &head, records);
        *stream = Some(id);
    }
    let body = events(records, format, draining);
    Ok(Response::from_parts(head, body))
}

/// The events of a stream that was begun before, from some record on.
pub(super) fn rest(
    stream: &str,
    records: BoxStream<'static, Result<ReplyRecord, Problem>>,
    draining: CancellationToken,
) -> Body {
    let stream = Some(stream.to_owned());
    events(records, Format::PerRecord { stream }, draining)
}

fn events(
    records: BoxStream<'static, Result<ReplyRecord, Problem>>,
    format: Format,
    draining: CancellationToken,
) -> Body {
    let events = Events {
        records,
        format,
        draining: Box::pin(draining.cancelled_owned()),
        keep_alive: keep_alive(),
        ended: false,
    };
    Body::from_stream(stream::unfold(events, Events::next))
}

/// The records of an answer that is no stream of anything, as its body.
pub(super) fn plain(records: BoxStream<'static, Result<ReplyRecord, Problem>>) -> Body {
    let pieces = records.map(|record| record.map(|it| it.payload).map_err(BrokenOff));
    Body::from_stream(pieces)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let essence = essence(headers);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(sse::CONTENT_TYPE))
}

/// The media type, without its parameters.
pub(super) fn essence(headers: &HeaderMap) -> Option<&str> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    content_type.split(';').next().map(str::trim)
}

fn declare_event_stream(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(sse::CONTENT_TYPE));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache"));
}

fn keep_alive() -> Interval {
    let mut keep_alive = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    keep_alive
}

/// How records become bytes.
enum Format {
    /// As they are: the service writes events itself.
    PassThrough {
        /// Whether the last record ended an event, so that one of ours can follow.
        between_events: bool,
    },
    /// One event each.
    PerRecord {
        /// What the stream is called in their ids, where it is kept.
        stream: Option<String>,
    },
    /// As they are: an error reply is no stream of events.
    Plain,
}

/// A stream broke off where nothing can be said about it any more.
#[derive(Debug, thiserror::Error)]
#[error("the reply stream broke off: {0}")]
struct BrokenOff(Problem);

struct Events {
    records: BoxStream<'static, Result<ReplyRecord, Problem>>,
    format: Format,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    keep_alive: Interval,
    ended: bool,
}

impl Events {
    async fn next(mut self) -> Option<(Result<Bytes, BrokenOff>, Self)> {
        if self.ended {
            return None;
        }
        let quiet = matches!(self.format, Format::PerRecord { .. });
        let bytes = tokio::select! {
            biased;
            () = &mut self.draining => self.fail(draining())?,
            record = self.records.next() => match record? {
                Ok(record) => self.convert(record)?,
                Err(problem) => self.fail(problem)?,
            },
            _ = self.keep_alive.tick(), if quiet => Ok(sse::KEEP_ALIVE),
        };
        Some((bytes, self))
    }

    fn convert(&mut self, record: ReplyRecord) -> Option<Result<Bytes, BrokenOff>> {
        let ReplyRecord { seq, payload } = record;
        match &mut self.format {
            Format::Plain => Some(Ok(payload)),
            Format::PassThrough { between_events } => {
                if !payload.is_empty() {
                    *between_events = payload.ends_with(b"\n\n");
                }
                Some(Ok(payload))
            }
            Format::PerRecord { stream } => match (std::str::from_utf8(&payload), stream) {
                (Ok(text), None) => Some(Ok(sse::record(seq, text))),
                (Ok(text), Some(stream)) => Some(Ok(sse::record(Position::new(stream, seq), text))),
                (Err(_), _) => self.fail(not_text(seq)),
            },
        }
    }

    /// Ends the stream: with an event where one can stand, else by breaking the
    /// body off, which a client cannot take for a good end.
    fn fail(&mut self, problem: Problem) -> Option<Result<Bytes, BrokenOff>> {
        self.ended = true;
        match self.format {
            Format::PerRecord { .. }
            | Format::PassThrough {
                between_events: true,
            } => Some(Ok(sse::error(&problem))),
            Format::PassThrough { .. } | Format::Plain => Some(Err(BrokenOff(problem))),
        }
    }
}

fn draining() -> Problem {
    Problem::new("draining", "the gateway is about to stop", 503)
        .with_detail("the stream can be resumed: ask again, with the last event's id")
}

fn not_text(seq: u32) -> Problem {
    Problem::new("malformed-reply", "the reply cannot be read", 502).with_detail(format!(
        "record {seq} is not UTF-8, as events are: encode it, or route it with mode \"call\""
    ))
}
