//! Requests that are answered by several others at once, whose answers are the members of
//! one document.

mod document;
mod part;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::body::Body;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, TRAILER,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, Version, request};
use ipc_core::envelope::Problem;
use matchit::Params;
use serde_json::value::RawValue;
use tokio::time::timeout;

use self::part::Missing;
use super::answer::Refusal;
use super::destination::{Destination, Found};
use super::{Inner, prefer, rewriting};
use crate::config::Part;
use crate::peer::Peer;

/// What of a request speaks of its own body, or of the form of its own answer.
const ITS_OWN: [HeaderName; 14] = [
    ACCEPT_ENCODING,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    TRAILER,
    TRANSFER_ENCODING,
    prefer::PREFER,
];

/// A part that is late has its own deadline say so, and its breaker hear of it: this much
/// later it is given up wherever it is.
const GRACE: Duration = Duration::from_millis(50);

/// A request that is answered by several others.
#[derive(Debug)]
pub(super) struct Aggregate<'d> {
    parts: Vec<Asked<'d>>,
    version: Version,
    headers: HeaderMap,
    timeout: Duration,
}

/// One of these.
#[derive(Debug)]
struct Asked<'d> {
    name: &'d str,
    required: bool,
    target: Uri,
}

/// A part, and what came of it.
struct Answered<'d> {
    name: &'d str,
    required: bool,
    document: Result<Box<RawValue>, Missing>,
}

impl<'d> Aggregate<'d> {
    /// For a request with this head, whose path has these parameters. It must not have been
    /// admitted yet: each part's route asks for credentials itself.
    pub(super) fn of(
        parts: &'d BTreeMap<String, Part>,
        head: &request::Parts,
        params: &Params<'_, '_>,
        timeout: Duration,
    ) -> Result<Self, Refusal> {
        let query = head.uri.query();
        let asked = parts.iter().map(|(name, part)| {
            Ok(Asked {
                name,
                required: part.required,
                target: rewriting::filled(&part.path, params, query)?,
            })
        });
        let parts = asked.collect::<Result<_, Problem>>()?;
        let mut headers = head.headers.clone();
        for name in ITS_OWN {
            headers.remove(name);
        }
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(Self {
            parts,
            // What is asked for over HTTP/1.0 may have no host.
            version: head.version.min(Version::HTTP_11),
            headers,
            timeout,
        })
    }

    /// The same, for a client that waits no longer than this.
    pub(super) fn within(&mut self, longest: Duration) {
        self.timeout = self.timeout.min(longest);
    }

    /// The head of the request for one part.
    fn head(&self, asked: &Asked<'_>) -> request::Parts {
        let (mut head, ()) = Request::new(()).into_parts();
        head.uri = asked.target.clone();
        head.version = self.version;
        head.headers = self.headers.clone();
        head
    }
}

impl Found<'_> {
    /// For a part of an aggregate, which waits for it this long.
    fn of_part(mut self, longest: Duration) -> Self {
        if let Destination::Aggregate(_) = self.destination {
            self.destination = Destination::Nowhere(within_another());
        }
        self.within(longest)
    }
}

impl Inner {
    /// Asks for all parts at once, and answers with what came in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives every part up, wherever it is.
    pub(super) fn aggregate<'a>(
        &'a self,
        aggregate: &'a Aggregate<'_>,
        peer: &'a Peer,
    ) -> BoxFuture<'a, Result<Response<Body>, Refusal>> {
        // A type of its own, since a part is answered by what calls this.
        async move {
            let asked = aggregate.parts.iter().map(|asked| async move {
                let part = self.part(aggregate, asked, peer);
                let document = timeout(aggregate.timeout.saturating_add(GRACE), part).await;
                Answered {
                    name: asked.name,
                    required: asked.required,
                    document: document.unwrap_or_else(|_| Err(Missing::late())),
                }
            });
            document::of(join_all(asked).await)
        }
        .boxed()
    }

    async fn part(
        &self,
        aggregate: &Aggregate<'_>,
        asked: &Asked<'_>,
        peer: &Peer,
    ) -> Result<Box<RawValue>, Missing> {
        let started = Instant::now();
        let mut head = aggregate.head(asked);
        let (found, _) = self.found(&mut head, peer);
        let found = found.of_part(aggregate.timeout);
        let passed = self
            .pass(found, head, Body::empty(), peer, started, None)
            .await;
        part::document(passed.answer(started.elapsed()), self.limits.body).await
    }
}

fn within_another() -> Refusal {
    Problem::new(
        "aggregate-in-aggregate",
        "an aggregate is no part of another",
        508,
    )
    .into()
}
