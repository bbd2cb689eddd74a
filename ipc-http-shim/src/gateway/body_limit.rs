//! A bound on request bodies that can tell why reading failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ipc_core::envelope::Problem;

/// Remembers whether a body turned out to be over its limit.
#[derive(Debug)]
pub(super) struct BodyLimit {
    limit: usize,
    exceeded: Arc<AtomicBool>,
}

impl BodyLimit {
    /// Bounds `body` by `limit` bytes.
    ///
    /// # Errors
    ///
    /// Where the body says from the start that it is larger.
    pub(super) fn bound(limit: usize, body: Body) -> Result<(Self, Body), Problem> {
        let this = Self {
            limit,
            exceeded: Arc::default(),
        };
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(this.problem());
        }
        let exceeded = Arc::clone(&this.exceeded);
        let bounded = Limited::new(body, limit).map_err(move |error| {
            if error.is::<LengthLimitError>() {
                exceeded.store(true, Ordering::Relaxed);
            }
            error
        });
        Ok((this, Body::new(bounded)))
    }

    /// The problem to answer with, where the body was over its limit.
    pub(super) fn exceeded(&self) -> Option<Problem> {
        self.exceeded
            .load(Ordering::Relaxed)
            .then(|| self.problem())
    }

    fn problem(&self) -> Problem {
        Problem::new("body-too-large", "the request's body is too large", 413)
            .with_detail(format!("at most {} bytes are taken", self.limit))
    }
}
