//! A response body as the pieces it comes in.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::Extensions;
use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use crate::dispatch::BodyError;
use crate::envelope::Problem;
use crate::response::ReplyEnd;

/// The data frames of a body that are not empty; trailers are left out. Ends
/// after the first error. A panic of the body is an error too: it may be polled
/// long after the handler's own future is gone.
pub(super) struct Pieces {
    /// `None` once the body has ended.
    frames: Option<BodyDataStream>,
    known_length: usize,
    end: Option<ReplyEnd>,
}

impl Pieces {
    /// The pieces of `body`, whose response has these extensions.
    pub(super) fn of(body: Body, extensions: &Extensions) -> Self {
        Self {
            known_length: usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX),
            frames: Some(body.into_data_stream()),
            end: extensions.get().cloned(),
        }
    }

    /// How many bytes will come at least.
    pub(super) fn known_length(&self) -> usize {
        self.known_length
    }

    /// Whether it is known that no more will come.
    pub(super) fn have_ended(&self) -> bool {
        let mut frames = self.frames.iter();
        frames.all(HttpBody::is_end_stream)
    }

    fn fail(&mut self, problem: Problem) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.frames = None;
        Poll::Ready(Some(Err(BodyError(problem))))
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Some(frames) = &mut self.frames {
            let Ok(polled) = catch_unwind(AssertUnwindSafe(|| frames.poll_next_unpin(cx))) else {
                return self.fail(panicked());
            };
            let frame = ready!(polled);
            if let Some(problem) = self.end.as_ref().and_then(ReplyEnd::problem) {
                let problem = problem.clone();
                return self.fail(problem);
            }
            match frame {
                None => self.frames = None,
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => return Poll::Ready(Some(Ok(data))),
                Some(Err(error)) => return self.fail(broke_off(&error)),
            }
        }
        Poll::Ready(None)
    }
}

/// What a caller is told when the handler, or the body it gave, panicked.
pub(super) fn panicked() -> Problem {
    Problem::new("panic", "the handler panicked", 500)
}

fn broke_off(error: &axum::Error) -> Problem {
    Problem::new("reply-broke-off", "the reply broke off before its end", 500)
        .with_private(error.to_string())
}
