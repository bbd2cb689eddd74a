//! The inbox in Postgres: one effect for each key, whatever happens in between.

mod claims;
mod conformance;
mod killed;
mod outage;
mod start;
mod time;
mod transaction;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use axum::{Router, body::Body, http::StatusCode};
use harness::{Database, Stage, keyed};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::BodyExt as _;
use ipc_core::{
    client::Client,
    dispatch::{Idempotency, Policy},
    extract::Tx,
    service::Service,
    store::{
        Dedup,
        postgres::sqlx::{self, postgres::PgConnection},
    },
};
use tower::ServiceExt as _;

/// Longer than anything here takes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A service on an inbox, and one who calls it.
struct Orders {
    stage: Stage,
    service: Service,
    client: Client,
}

impl Orders {
    async fn start(database: &Database, app: Router) -> Result<Self> {
        Self::with(database, app, TIMEOUT).await
    }

    /// With another timeout of its handlers.
    async fn with(database: &Database, app: Router, timeout: Duration) -> Result<Self> {
        let stage = Stage::new("orders");
        let service = instance(&stage, app, database.store().await?, timeout).await?;
        let client = stage.client().await?;
        Ok(Self {
            stage,
            service,
            client,
        })
    }

    async fn call(&self, key: &str, body: &str) -> Result<Answer> {
        call(&self.client, request(&self.stage, key, body)?).await
    }

    async fn end(self) {
        self.client.close().await;
        self.service.stop().await;
    }
}

/// An instance of the stage's service.
async fn instance(
    stage: &Stage,
    app: Router,
    dedup: impl Into<Dedup>,
    timeout: Duration,
) -> Result<Service> {
    let mut policy = Policy::new("POST /work");
    policy.idempotency = Idempotency::Optional;
    policy.timeout = timeout;
    let service = stage.service(4).default_policy(policy).dedup(dedup);
    Ok(service.serve(app).start().await?)
}

/// A request under an idempotency key, in the lane of its own key.
fn request(stage: &Stage, key: &str, body: &str) -> Result<Request<Body>> {
    let mut request = keyed(stage.post("/work", body.to_owned()), key.to_owned());
    let key = HeaderValue::from_str(key)?;
    request.headers_mut().insert("idempotency-key", key);
    Ok(request)
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn is_replayed(&self) -> bool {
        self.headers.contains_key("ipc-replayed")
    }

    /// Checks that it is this problem.
    fn is_problem(&self, status: u16, kind: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert!(
            self.body.contains(&format!("urn:ipc:problem:{kind}")),
            "{self:?}"
        );
    }
}

async fn call(client: &Client, request: Request<Body>) -> Result<Answer> {
    let response = client.clone().oneshot(request).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.into())?,
    })
}

/// How often a handler ran.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    /// Answers the number of this run, from one on.
    fn one_more(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Has an effect, once more.
async fn write(tx: &mut PgConnection, work: &str) -> Result<(), StatusCode> {
    let written = sqlx::query("INSERT INTO effects (work) VALUES ($1)")
        .bind(work)
        .execute(tx)
        .await;
    written
        .map(drop)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes the work it is given, and answers with it.
async fn work(mut tx: Tx, work: String) -> Result<String, StatusCode> {
    write(&mut tx, &work).await?;
    Ok(work)
}
