//! Calls that are answered with what was answered before.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Response, request};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::Inner;
use super::destination::ToService;
use crate::cache::{Answers, Key, Look, Missed};

/// What there is for a request.
pub(super) enum Looked<'a> {
    /// What was answered before.
    Hit(Response<Body>),
    /// Nothing. What becomes of its answer, where answers are kept at all.
    Miss(Option<Box<Keeping<'a>>>),
}

/// What becomes of the answer to one request.
pub(super) struct Keeping<'a> {
    answers: &'a Answers,
    /// What is not to be given again once it is answered well.
    changed: Option<Key>,
    /// What it may be kept for.
    missed: Option<Box<Missed>>,
}

impl Inner {
    /// What was answered before to a request like this, where it `may` be given again.
    pub(super) fn look(&self, to: &ToService, head: &request::Parts, may: bool) -> Looked<'_> {
        let Some(answers) = &self.answers else {
            return Looked::Miss(None);
        };
        let look = (to.cache && may)
            .then(|| answers.look(to.entry.label(), &to.service, head))
            .flatten();
        let missed = match look {
            Some(Look::Hit(answer)) => return Looked::Hit(answer),
            Some(Look::Miss(missed)) => Some(missed),
            None => None,
        };
        Looked::Miss(Some(Box::new(Keeping {
            answers,
            changed: answers.changed_by(&to.service, head),
            missed,
        })))
    }
}

impl Keeping<'_> {
    /// Forgets what the request has changed, and keeps its answer where that may be given
    /// again, and is here as a whole.
    pub(super) async fn end(self, answer: Response<Body>) -> Response<Body> {
        let Self {
            answers,
            changed,
            missed,
        } = self;
        let is_error = answer.status().is_client_error() || answer.status().is_server_error();
        if let Some(changed) = changed.filter(|_| !is_error) {
            answers.forget(&changed);
        }
        let length = answer.body().size_hint().exact();
        let (Some(missed), Some(length)) = (missed, length) else {
            return answer;
        };
        if length > answers.largest() as u64 {
            return answer;
        }
        let (head, body) = answer.into_parts();
        // A length that is known is that of one record: nothing is waited for.
        match body.collect().await {
            Ok(body) => {
                let (answer, body) = (Response::from_parts(head, ()), body.to_bytes());
                answers.keep(*missed, &answer, &body);
                answer.map(|()| Body::from(body))
            }
            Err(error) => {
                let broken = stream::once(std::future::ready(Err::<Bytes, _>(error)));
                Response::from_parts(head, Body::from_stream(broken))
            }
        }
    }
}
