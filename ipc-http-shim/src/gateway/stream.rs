//! Reply streams: one request, many replies, in the form that its client asks for.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, Response};
use ipc_core::envelope::Problem;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::answer::Refusal;
use super::form::Form;
use super::format::Format;
use super::resume::Keep;
use crate::request_id;
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
    let form = Form::asked(outbound.request.headers());
    // Events and lines are cut by record, which a compressed body is not.
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
    let mut format = Format::of(form, &mut head);
    request_id::name(&mut head.headers, correlation_id.as_ref());
    if let (Format::Events { stream }, Some(keep), Some(id), false) =
        (&mut format, keep, &correlation_id, to_head)
    {
        let id = id.to_string();
        records = keep.begin(&id, &head, records);
        *stream = Some(id);
    }
    let body = body(records, format, draining);
    Ok(Response::from_parts(head, body))
}

/// The events of a stream that was begun before, from some record on.
pub(super) fn rest(
    stream: &str,
    records: BoxStream<'static, Result<ReplyRecord, Problem>>,
    draining: CancellationToken,
) -> Body {
    let stream = Some(stream.to_owned());
    body(records, Format::Events { stream }, draining)
}

fn body(
    records: BoxStream<'static, Result<ReplyRecord, Problem>>,
    format: Format,
    draining: CancellationToken,
) -> Body {
    let pieces = Pieces {
        records,
        format,
        draining: Box::pin(draining.cancelled_owned()),
        keep_alive: keep_alive(),
        ended: false,
    };
    Body::from_stream(stream::unfold(pieces, Pieces::next))
}

/// The records of an answer that is no stream of anything, as its body.
pub(super) fn plain(records: BoxStream<'static, Result<ReplyRecord, Problem>>) -> Body {
    let pieces = records.map(|record| record.map(|it| it.payload).map_err(BrokenOff));
    Body::from_stream(pieces)
}

/// The media type, without its parameters.
pub(super) fn essence(headers: &HeaderMap) -> Option<&str> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    content_type.split(';').next().map(str::trim)
}

fn keep_alive() -> Interval {
    let mut keep_alive = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    keep_alive
}

/// Whether an answer to the same question goes on after what has come, its service decides.
fn about_to_stop() -> Problem {
    Problem::new("draining", "the gateway is about to stop", 503).with_detail("ask again")
}

/// A stream broke off where nothing can be said about it any more.
#[derive(Debug, thiserror::Error)]
#[error("the reply stream broke off: {0}")]
struct BrokenOff(Problem);

/// What a body is read from, piece by piece.
struct Pieces {
    records: BoxStream<'static, Result<ReplyRecord, Problem>>,
    format: Format,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    keep_alive: Interval,
    ended: bool,
}

impl Pieces {
    async fn next(mut self) -> Option<(Result<Bytes, BrokenOff>, Self)> {
        if self.ended {
            return None;
        }
        let keep_alive = self.format.keep_alive();
        let written = tokio::select! {
            biased;
            () = &mut self.draining => Err(about_to_stop()),
            record = self.records.next() => record?.and_then(|record| self.format.write(record)),
            _ = self.keep_alive.tick(), if keep_alive.is_some() => Ok(keep_alive.unwrap_or_default()),
        };
        let piece = written.or_else(|problem| self.fail(problem));
        Some((piece, self))
    }

    /// Ends the stream: by saying so where that can stand, else by breaking the
    /// body off, which a client cannot take for a good end.
    fn fail(&mut self, problem: Problem) -> Result<Bytes, BrokenOff> {
        self.ended = true;
        self.format.end(&problem).ok_or(BrokenOff(problem))
    }
}
