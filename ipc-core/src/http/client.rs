//! HTTP requests to services behind Kafka: code written against an HTTP client
//! keeps its shape.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::{Request, Response};
use axum::BoxError;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use bytestring::ByteString;
use http_body_util::BodyExt as _;
use tower::Service;

use super::caller::{Reserved, request_record, response_parts};
use crate::client::{self, BrokenOff, CallError, Client, Elsewhere, Options, Records, Rejected};
use crate::envelope::{CorrelationId, Envelope, Problem, names};

/// The service is the authority of the request's URI: `http://orders/orders/7`.
/// [`Options`] are read from the request's extensions.
///
/// Reserved headers are refused. The future resolves with the head of the
/// response; a body of several records arrives as it is read.
///
/// # Cancel safety
///
/// Dropping the future, or the response's body before its end, tells the service
/// that nobody waits any more.
impl<B> Service<Request<B>> for Client
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, CallError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let client = self.clone();
        Box::pin(async move { client.http(request, Reserved::Refuse).await })
    }
}

impl Client {
    /// Sends an HTTP request to the service its URI's authority names, and
    /// answers with its response, the request's [`CorrelationId`] in its
    /// extensions. As the tower service, but `reserved` says what
    /// is done with headers whose names are reserved.
    ///
    /// # Errors
    ///
    /// [`CallError::Rejected`] or [`CallError::Unknown`]; an error status is a
    /// response.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future tells the service that nobody waits any more.
    pub async fn http<B>(
        &self,
        request: Request<B>,
        reserved: Reserved,
    ) -> Result<Response<Body>, CallError>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let request = record(self, request, reserved).await?;
        let response = self.exchange(request).await?;
        let mut parts =
            response_parts(response.status, &response.headers).map_err(CallError::Malformed)?;
        parts.extensions.insert(response.id);
        Ok(Response::from_parts(parts, body(response.records)))
    }

    /// Sends an HTTP request as a one-way to the service its URI's authority
    /// names, and answers its correlation id once the log has it.
    ///
    /// # Errors
    ///
    /// [`CallError::Rejected`] or [`CallError::Unknown`].
    ///
    /// # Cancel safety
    ///
    /// The record may or may not be sent.
    pub async fn http_one_way<B>(
        &self,
        request: Request<B>,
        reserved: Reserved,
    ) -> Result<CorrelationId, CallError>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let request = record(self, request, reserved).await?;
        Ok(self.post(request).await?)
    }

    /// Sends an HTTP request as a call that is answered `elsewhere`, in one record, and
    /// returns once the log has it. [`Options::timeout`] bounds that alone.
    ///
    /// # Errors
    ///
    /// [`CallError::Rejected`] or [`CallError::Unknown`].
    ///
    /// # Cancel safety
    ///
    /// The record may or may not be sent.
    pub async fn http_elsewhere<B>(
        &self,
        request: Request<B>,
        reserved: Reserved,
        elsewhere: Elsewhere,
    ) -> Result<(), CallError>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let request = record(self, request, reserved).await?;
        Ok(self.post_elsewhere(request, elsewhere).await?)
    }
}

async fn record<B>(
    client: &Client,
    request: Request<B>,
    reserved: Reserved,
) -> Result<client::Request, Rejected>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = request.into_parts();
    let service = parts.uri.host();
    let callee = client.callee(service.ok_or_else(|| Rejected::Refused(unnamed()))?);
    let options = parts.extensions.remove::<Options>().unwrap_or_default();
    let (mut head, mut headers) = request_record(&parts, reserved).map_err(Rejected::Refused)?;
    if let Some(peer) = options.peer {
        headers.push_static(names::PEER, peer.to_string());
    }
    head.shadow = options.shadow;
    head.idempotency_key = options.idempotency_key.or(head.idempotency_key);
    let body = body
        .collect()
        .await
        .map_err(|error| Rejected::Refused(unread(error.into())))?
        .to_bytes();
    let key = options.key.or(|| {
        let key = head
            .idempotency_key
            .as_ref()
            .filter(|_| !parts.method.is_safe());
        key.map(|key: &ByteString| key.as_bytes().clone())
    });
    let envelope = Envelope {
        headers,
        key,
        payload: Some(body),
    };
    let timeout = options.timeout;
    Ok(client::Request::new(callee, head, envelope, timeout).from(options.principal))
}

/// A body that is read from the log as it is read here. A record is a frame.
fn body(mut records: Records) -> Body {
    if let Some(whole) = records.take_whole() {
        return Body::from(whole);
    }
    Body::from_stream(futures_util::stream::unfold(
        Some(records),
        |records| async {
            let mut records = records?;
            match records.next().await? {
                Ok(piece) => Some((Ok(piece), Some(records))),
                Err(broken) => Some((Err(BodyBroken::from(broken)), None)),
            }
        },
    ))
}

/// A response body that did not come to its end. Found as the source of the
/// body's error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reply broke off: {0}")]
pub struct BodyBroken(pub Problem);

impl From<BrokenOff> for BodyBroken {
    fn from(broken: BrokenOff) -> Self {
        let incomplete = || Problem::new("incomplete", "the reply is incomplete", 502);
        Self(match broken {
            BrokenOff::Told(reply) => reply.problem().unwrap_or_else(incomplete),
            BrokenOff::Incomplete => incomplete(),
        })
    }
}

fn unnamed() -> Problem {
    Problem::new("no-service", "the request names no service", 400)
        .with_detail("put the service's name where a URI has its host: http://orders/path")
}

fn unread(error: BoxError) -> Problem {
    Problem::new("unreadable-body", "the request's body cannot be read", 400)
        .with_private(error.to_string())
}
