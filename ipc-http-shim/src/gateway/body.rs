//! Reading a request's body on its way to Kafka.
//!
//! It is read whole before anything is sent: what a client does not finish
//! leaves no half request in the log.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ipc_core::envelope::Problem;

use super::pace::{Pace, Paced, too_slow};
use crate::config::Limits;

/// The whole body, within `limits`.
pub(super) async fn read(body: Body, limits: &Limits) -> Result<Bytes, Problem> {
    let limit = limits.body;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large(limit));
    }
    let mut body = Limited::new(Paced::new(body, Pace::of(limits)), limit);
    let mut pieces = BytesMut::new();
    loop {
        let frame = match body.frame().await {
            None => return Ok(pieces.freeze()),
            Some(Ok(frame)) => frame,
            Some(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(limit)),
            Some(Err(error)) => return Err(broken_off(&*error)),
        };
        // Trailers that no header announced could not have been relied on.
        if let Ok(data) = frame.into_data() {
            if pieces.is_empty() && body.is_end_stream() {
                return Ok(data);
            }
            pieces.extend_from_slice(&data);
        }
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new("body-too-large", "the request's body is too large", 413)
        .with_detail(format!("at most {limit} bytes are taken"))
}

fn broken_off(error: &(dyn std::error::Error + 'static)) -> Problem {
    if let Some(too_slow) = too_slow(error) {
        return too_slow.problem();
    }
    Problem::new("unreadable-body", "the request's body cannot be read", 400)
        .with_private(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::stream::{self, StreamExt};

    use super::*;

    fn piece(text: &'static str) -> Result<Bytes, io::Error> {
        Ok(Bytes::from_static(text.as_bytes()))
    }

    fn limits(body: usize) -> Limits {
        Limits {
            body,
            ..Limits::default()
        }
    }

    #[tokio::test]
    async fn pieces_are_put_together() {
        let body = Body::from_stream(stream::iter(["ab", "", "cd"].map(piece)));

        assert_eq!(
            read(body, &limits(4)).await,
            Ok(Bytes::from_static(b"abcd"))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_falls_silent_is_408() {
        let body = Body::from_stream(stream::iter([piece("ab")]).chain(stream::pending()));

        let problem = read(body, &limits(4)).await.expect_err("it never ends");

        assert_eq!(problem.status, 408);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_400() {
        let broken = Err(io::Error::other("gone"));
        let body = Body::from_stream(stream::iter([piece("ab"), broken]));

        let problem = read(body, &limits(4)).await.expect_err("it broke off");

        assert_eq!(problem.status, 400);
    }
}
