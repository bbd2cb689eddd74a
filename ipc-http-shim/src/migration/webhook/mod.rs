//! Telling somebody of every step that a route takes.
//!
//! The one that decides tells, and writes into the topic what it has told, so that the
//! next one goes on from there. A step is told at least once, and those of one route in
//! order.

mod event;

use std::time::Duration;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::tls::{ClientFiles, ClientTls, TlsError};

pub(super) use event::Step;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How often a step is tried to be told.
const ATTEMPTS: u32 = 10;
/// Between the first attempt and the second; each pause is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Who is told of every step that a route takes: one POST for each, with a CloudEvent in
/// JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Webhook {
    /// Where it is told.
    pub url: Uri,
    /// What stands in the request's head beside: a credential, say.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Webhook {
    /// One without headers of its own.
    #[must_use]
    pub fn new(url: Uri) -> Self {
        Self {
            url,
            headers: Vec::new(),
        }
    }
}

/// Tells of steps.
#[derive(Debug)]
pub(super) struct Teller {
    webhook: Webhook,
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

/// Why a step was not told.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error("it answered {0}")]
    Answered(StatusCode),
    #[error("it did not answer within {ANSWER:?}")]
    Silent,
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] hyper_util::client::legacy::Error),
}

impl Untold {
    /// Whether asking again would bring the same answer.
    fn is_final(&self) -> bool {
        const PASSING: [StatusCode; 3] = [
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_EARLY,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        matches!(self, Self::Answered(status) if status.is_client_error() && !PASSING.contains(status))
    }
}

impl Teller {
    /// Over TLS it trusts whom the system does.
    ///
    /// # Errors
    ///
    /// Where TLS cannot be had.
    pub(super) fn new(webhook: Webhook) -> Result<Self, TlsError> {
        let tls = ClientTls::read(ClientFiles::default())?;
        let client = Client::builder(TokioExecutor::new())
            // Minutes lie between two steps.
            .pool_max_idle_per_host(0)
            .build(tls.connector());
        Ok(Self { webhook, client })
    }

    /// Tells of a step, again and again where nobody takes it; whether somebody did.
    pub(super) async fn tell(&self, fleet: &str, route: &str, step: &Step) -> bool {
        let event = step.to_json(fleet, route);
        let generation = step.position.generation;
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let error = match self.post(event.clone()).await {
                Ok(()) => return true,
                Err(error) => error,
            };
            // Never the address, which may hold a credential.
            tracing::warn!(route, generation, attempt, %error, "a step is not told to the webhook");
            if error.is_final() {
                break;
            }
            if attempt < ATTEMPTS {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        tracing::error!(
            route,
            generation,
            "nobody takes a step from the webhook: it is given up"
        );
        false
    }

    async fn post(&self, event: Vec<u8>) -> Result<(), Untold> {
        let mut request = Request::post(self.webhook.url.clone())
            .header(CONTENT_TYPE, "application/cloudevents+json")
            .body(Body::from(event))
            .unwrap_or_default();
        for (name, value) in &self.webhook.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let answer = timeout(ANSWER, self.client.request(request));
        let answer = answer.await.map_err(|_| Untold::Silent)??;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(Untold::Answered(answer.status()))
        }
    }
}
