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
use crate::client::{self, CallError, Client, Options, Rejected};
use crate::envelope::Problem;

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
    /// answers with its response. As the tower service, but `reserved` says what
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
        let request = record(request, reserved).await?;
        let response = self.exchange(request).await?;
        let first = &response.answer.first;
        let parts = response_parts(&first.head, &first.headers).map_err(Rejected::Refused)?;
        Ok(Response::from_parts(parts, body(response)))
    }

    /// Sends an HTTP request as a one-way to the service its URI's authority
    /// names, and returns once the log has it.
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
    ) -> Result<(), CallError>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let request = record(request, reserved).await?;
        self.post(request).await.map(drop)
    }
}

async fn record<B>(request: Request<B>, reserved: Reserved) -> Result<client::Request, Rejected>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = request.into_parts();
    let service = parts
        .uri
        .host()
        .ok_or_else(|| Rejected::Refused(unnamed()))?
        .to_owned();
    let options = parts.extensions.remove::<Options>().unwrap_or_default();
    let (mut head, headers) = request_record(&parts, reserved).map_err(Rejected::Refused)?;
    head.idempotency_key = options.idempotency_key.or(head.idempotency_key);
    let body = body
        .collect()
        .await
        .map_err(|error| Rejected::Refused(unread(error.into())))?
        .to_bytes();
    let key = options.key.or_else(|| {
        let key = head
            .idempotency_key
            .as_ref()
            .filter(|_| !parts.method.is_safe());
        key.map(|key: &ByteString| key.as_bytes().clone())
    });
    Ok(client::Request {
        service,
        topic: None,
        head,
        headers,
        key,
        body,
        timeout: options.timeout,
    })
}

fn body(response: client::Response) -> Body {
    Body::from(response.answer.first.body)
}

fn unnamed() -> Problem {
    Problem::new("no-service", "the request names no service", 400)
        .with_detail("put the service's name where a URI has its host: http://orders/path")
}

fn unread(error: BoxError) -> Problem {
    Problem::new("unreadable-body", "the request's body cannot be read", 400)
        .with_private(error.to_string())
}
