//! Requests that are answered later: accepted once the broker has them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Method, Response, StatusCode};
use ipc_core::envelope::{CorrelationId, HandlerTime, QueueTime};
use serde::Serialize;
use tokio::time::Instant;

use super::answer::Refusal;
use super::length;
use super::prefer::Preference;
use crate::operations::{Operations, Reply, owner};
use crate::request_id;
use crate::upstream::{Failure, Outbound, Upstream};

/// What a client is told of a request that is being worked on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'t> {
    correlation_id: String,
    /// Where it can be asked for.
    status: &'t str,
}

/// Marks an answer to a call that its service did not give: it says nothing of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deferred;

/// How a request is accepted.
pub(super) struct Accepting<'a> {
    /// How its route is called.
    pub(super) route: &'a Arc<str>,
    /// How long its service may take over it.
    pub(super) within: Duration,
    pub(super) patience: Patience,
}

/// How long a client waits for the reply before it is told to ask for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// Not at all.
    None,
    /// As long as it says.
    Preferred(Preference),
    /// As for any call, and then it is told that there was no answer in time.
    OfCall,
}

impl Patience {
    /// How long it is waited, and never longer than `timeout`.
    fn wait(self, timeout: Duration) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Preferred(preference) => preference.wait(timeout),
            Self::OfCall => timeout,
        }
    }
}

/// Sends a request that is answered later. Answers with its reply, where that comes as soon
/// as its client prefers, else 202 once the broker has acknowledged it, with where the
/// reply is to be had.
pub(super) async fn answer(
    upstream: &dyn Upstream,
    operations: Option<&Operations>,
    accepting: Accepting<'_>,
    outbound: Outbound,
) -> Result<Response<Body>, Refusal> {
    let operations = operations.ok_or_else(|| Failure::Rejected {
        reason: "the gateway was started without operations".to_owned(),
        retry_after: Duration::from_secs(1),
    })?;
    let Accepting {
        route,
        within,
        patience,
    } = accepting;
    let owner = outbound.principal.as_ref().map(owner);
    let timeout = outbound.timeout;
    let end = Instant::now() + patience.wait(timeout);
    // Written first: what a client is told of can be asked for at every gateway.
    let begun = operations.begin(route, owner, within, timeout).await?;
    let elsewhere = begun.elsewhere(matches!(patience, Patience::OfCall));
    if let Err(failure) = upstream.accept(outbound, elsewhere).await {
        if !matches!(failure, Failure::Unknown { .. }) {
            operations.withdraw(&begun);
        }
        return Err(failure.into());
    }
    let (id, path) = (&begun.id, operations.path_of(&begun.id));
    let reply = match patience {
        Patience::None => None,
        _ => operations.reply(id, end).await,
    };
    let is_replied = reply.is_some();
    let mut response = match (reply, patience) {
        (Some(reply), _) => replied(id, &reply),
        (None, Patience::OfCall) => return Err(Refusal::late(id, &path)),
        (None, _) => running(id, &path, 1),
    };
    if let Patience::Preferred(preference) = patience {
        preference.tell(&mut response);
        if !is_replied {
            response.extensions_mut().insert(Deferred);
        }
    }
    Ok(response)
}

/// The reply of a service, as it came.
pub(super) fn replied(id: &CorrelationId, reply: &Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body.clone()));
    *response.status_mut() = reply.head.status;
    response.headers_mut().clone_from(&reply.head.headers);
    if let Some(queued) = reply.head.extensions.get::<QueueTime>() {
        response.extensions_mut().insert(*queued);
    }
    if let Some(handled) = reply.head.extensions.get::<HandlerTime>() {
        response.extensions_mut().insert(*handled);
    }
    // That of an answer to HEAD speaks of a body that is not there.
    length::correct(&mut response, &Method::GET);
    request_id::name(response.headers_mut(), Some(id));
    response
}

/// Tells that a request is being worked on, and when to ask again.
pub(super) fn running(id: &CorrelationId, path: &str, again: u64) -> Response<Body> {
    let told = Told {
        correlation_id: id.to_string(),
        status: path,
    };
    // Two strings: serialising cannot fail.
    let body = serde_json::to_vec(&told).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RETRY_AFTER, again.into());
    if let Ok(location) = HeaderValue::from_str(path) {
        headers.insert(LOCATION, location);
    }
    request_id::name(headers, Some(id));
    response
}
