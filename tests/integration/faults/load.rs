//! A service that does what it is told, and callers without end.

use std::time::Duration;

use anyhow::Result;
use axum::{Router, body::Body, extract::State, http::StatusCode, routing::post};
use harness::{Stage, within};
use http::{HeaderValue, Request};
use http_body_util::BodyExt as _;
use ipc_core::{
    client::{CallError, Client, Options, RecordKey},
    extract::{Offset, Partition},
    http::Reserved,
    testing::model::{End, Kind, Operation, What},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tower::ServiceExt as _;

use super::Chronicle;

/// From one operation of a caller to its next, where that does not take longer.
const PACE: Duration = Duration::from_millis(40);
/// How long a caller waits for a reply.
const REPLY: Duration = Duration::from_secs(5);
/// How long it waits for the log to take a one-way.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(15);
/// What a busy machine may add before an end counts as late.
const BUSY: Duration = Duration::from_secs(5);
/// Every so many operations of a caller with idempotency keys ask for the work of the one before once more.
const REPETITION: u32 = 5;

/// One instance, as its handlers know it.
#[derive(Clone)]
pub(super) struct Handlers {
    pub(super) instance: u32,
    pub(super) chronicle: Chronicle,
}

async fn work(
    State(handlers): State<Handlers>,
    from: Partition,
    Offset(offset): Offset,
    body: String,
) -> Result<String, StatusCode> {
    let work = body.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let instance = handlers.instance;
    handlers.chronicle.note(What::Effect {
        instance,
        work,
        partition: from.0.partition,
        offset,
    });
    handlers.chronicle.note(What::Returned { instance, work });
    Ok(body)
}

/// Does the work whose number it is given, and answers with that.
pub(super) fn app(handlers: Handlers) -> Router {
    Router::new()
        .route("/work", post(work))
        .with_state(handlers)
}

/// Callers with a key each, which call and send in turn until they are told to stop.
pub(super) struct Load {
    stop: watch::Sender<bool>,
    callers: JoinSet<()>,
}

impl Load {
    pub(super) const CALLERS: u32 = 16;

    pub(super) fn start(stage: &Stage, client: &Client, chronicle: &Chronicle) -> Self {
        Self::with(stage, client, chronicle, false)
    }

    /// The same, whose requests have idempotency keys, and are repeated at times.
    pub(super) fn with_idempotency_keys(
        stage: &Stage,
        client: &Client,
        chronicle: &Chronicle,
    ) -> Self {
        Self::with(stage, client, chronicle, true)
    }

    fn with(stage: &Stage, client: &Client, chronicle: &Chronicle, keyed: bool) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut callers = JoinSet::new();
        for key in 0..Self::CALLERS {
            let caller = Caller {
                key,
                keyed,
                stage: stage.clone(),
                client: client.clone(),
                chronicle: chronicle.clone(),
            };
            callers.spawn(caller.run(stopped.clone()));
        }
        Self { stop, callers }
    }

    /// Has every caller end what it has begun.
    pub(super) async fn finish(mut self) -> Result<()> {
        self.stop.send_replace(true);
        while let Some(ended) = within("the last end", self.callers.join_next()).await? {
            ended?;
        }
        Ok(())
    }
}

struct Caller {
    key: u32,
    keyed: bool,
    stage: Stage,
    client: Client,
    chronicle: Chronicle,
}

impl Caller {
    async fn run(self, stopped: watch::Receiver<bool>) {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before: Option<Operation> = None;
        for number in 0.. {
            pace.tick().await;
            if *stopped.borrow() {
                return;
            }
            let again = before.take_if(|it| it.keyed && number % REPETITION == 0);
            let kind = match number % 2 {
                0 => Kind::Call,
                _ => Kind::OneWay,
            };
            let (number, operation) = self.chronicle.invoke(|work| {
                again.unwrap_or(Operation {
                    kind,
                    key: self.key,
                    work,
                    keyed: self.keyed,
                    timeout: timeout(kind) + BUSY,
                    gives_up: None,
                    takes: Duration::ZERO,
                    retries: None,
                })
            });
            let end = self.perform(&operation).await;
            self.chronicle.note(What::Ended {
                operation: number,
                end,
            });
            before = Some(operation);
        }
    }

    async fn perform(&self, operation: &Operation) -> End {
        let request = self.request(operation);
        let end = match operation.kind {
            Kind::Call => self.call(request).await,
            Kind::OneWay => {
                let sent = self.client.http_one_way(request, Reserved::Refuse).await;
                sent.map(|_| End::Acknowledged)
            }
        };
        end.unwrap_or_else(|error| End::failed(&error))
    }

    async fn call(&self, request: Request<Body>) -> Result<End, CallError> {
        let response = self.client.clone().oneshot(request).await?;
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            let status = status.as_u16();
            return Ok(End::Refused { status });
        }
        let Ok(body) = response.into_body().collect().await else {
            return Ok(End::Unknown);
        };
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        let work = text.parse().ok();
        Ok(End::Reply { work })
    }

    fn request(&self, operation: &Operation) -> Request<Body> {
        let mut request = self.stage.post("/work", operation.work.to_string());
        let mut options = Options::default();
        options.timeout = Some(timeout(operation.kind));
        options.key = RecordKey::Bytes(format!("key {}", operation.key).into());
        request.extensions_mut().insert(options);
        if operation.keyed {
            let key = HeaderValue::from(operation.work);
            request.headers_mut().insert("idempotency-key", key);
        }
        request
    }
}

fn timeout(kind: Kind) -> Duration {
    match kind {
        Kind::Call => REPLY,
        Kind::OneWay => ACKNOWLEDGEMENT,
    }
}
