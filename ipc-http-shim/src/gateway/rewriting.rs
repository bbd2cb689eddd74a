//! What a route changes of a request and of its answer.

use axum::body::Body;
use http::header::HOST;
use http::uri::{PathAndQuery, Uri};
use http::{Extensions, HeaderMap, HeaderValue, Response, request};
use ipc_core::envelope::Problem;
use ipc_core::http::headers::strip_hop_by_hop;
use matchit::Params;

use super::answer::Refusal;
use crate::config::{HeaderChanges, PathRewrite, Rewriting};

/// The changes of a route, for one request.
#[derive(Debug)]
pub(super) struct Changes<'r> {
    rewriting: &'r Rewriting,
    target: Option<Uri>,
}

impl<'r> Changes<'r> {
    /// The changes for a request with this target; where it can have no target
    /// there, those of its answer, and why.
    pub(super) fn of(
        rewriting: &'r Rewriting,
        uri: &Uri,
        params: &Params<'_, '_>,
    ) -> (Self, Result<(), Refusal>) {
        let (target, refusal) = match target(rewriting, uri, params) {
            Ok(target) => (target, Ok(())),
            Err(problem) => (None, Err(problem.into())),
        };
        (Self { rewriting, target }, refusal)
    }

    /// Changes the request.
    pub(super) fn request(&mut self, head: &mut request::Parts) {
        if let Some(target) = self.target.take() {
            head.uri = target;
        }
        let changes = &self.rewriting.request_headers;
        if !changes.is_empty() {
            // A client that names a header in `connection` must not take away
            // what is set here.
            strip_hop_by_hop(&mut head.headers);
            if let Some(host) = head.headers.get(HOST) {
                head.extensions.insert(ClientHost(host.clone()));
            }
            changes.apply(&mut head.headers);
        }
    }

    /// An answer with its changes, the gateway's own included.
    pub(super) fn of_answer(&self, answer: Result<Response<Body>, Refusal>) -> Response<Body> {
        let mut response = answer.unwrap_or_else(Response::from);
        self.of_answers().apply(response.headers_mut());
        response
    }

    /// What becomes of the headers of answers.
    pub(super) fn of_answers(&self) -> &'r HeaderChanges {
        &self.rewriting.response_headers
    }
}

/// The host a client asked for, where its route may have set another.
#[derive(Clone)]
struct ClientHost(HeaderValue);

/// The host the client asked for.
pub(super) fn client_host(headers: &HeaderMap, extensions: &Extensions) -> Option<HeaderValue> {
    let kept = extensions.get().map(|ClientHost(host)| host);
    kept.or_else(|| headers.get(HOST)).cloned()
}

fn target(
    rewriting: &Rewriting,
    uri: &Uri,
    params: &Params<'_, '_>,
) -> Result<Option<Uri>, Problem> {
    // `OPTIONS *` has no path that could be another.
    let Some(rewrite) = rewriting.path.as_ref().filter(|_| uri.path() != "*") else {
        return Ok(None);
    };
    filled(rewrite, params, uri.query()).map(Some)
}

/// The target that a path comes to with these parameters.
pub(super) fn filled(
    rewrite: &PathRewrite,
    params: &Params<'_, '_>,
    query: Option<&str>,
) -> Result<Uri, Problem> {
    let path = rewrite.fill(|name| params.get(name)).map_err(|escape| {
        Problem::new("path-escapes", "the path cannot be sent on", 400)
            .with_detail(escape.to_string())
    })?;
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let target = PathAndQuery::try_from(target).map_err(|error| {
        Problem::new("path-too-long", "the path is too long to be sent on", 414)
            .with_private(error.to_string())
    })?;
    Ok(Uri::from(target))
}
