//! What is tried where nobody brings a service of their own.

use http::StatusCode;

use super::history::{End, Kind, Operation, Retries};
use super::probe::Probe;
use crate::client::ServiceClient;
use crate::contract::OneWayRequest;
use crate::extract::{Attempt, Offset, Partition};
use crate::prelude::*;

/// A call, whose reply names its work.
#[endpoint(POST "/calls/{key}/{work}", idempotency = optional, timeout = "3s", key = key)]
async fn ask(
    State(probe): State<Probe>,
    Path((_key, number)): Path<(u32, u32)>,
    from: Partition,
    offset: Offset,
) -> Json<u32> {
    do_it(&probe, number, &from, offset).await;
    Json(number)
}

/// A one-way.
#[endpoint(POST "/notes/{key}/{work}", one_way, idempotency = optional, timeout = "3s", key = key)]
async fn tell(
    State(probe): State<Probe>,
    Path((_key, number)): Path<(u32, u32)>,
    from: Partition,
    offset: Offset,
) {
    do_it(&probe, number, &from, offset).await;
}

/// A one-way that may fail, and waits in its lane.
#[endpoint(
    POST "/attempts/{key}/{work}", one_way, idempotency = optional, timeout = "3s", key = key,
    retry(attempts = 3, backoff = "200ms..400ms")
)]
async fn insist(
    State(probe): State<Probe>,
    Path((_key, number)): Path<(u32, u32)>,
    attempt: Attempt,
    from: Partition,
    offset: Offset,
) -> StatusCode {
    try_it(&probe, number, attempt, &from, offset).await
}

/// A one-way that may fail, and has its key parked.
#[endpoint(
    POST "/parked/{key}/{work}", one_way, idempotency = optional, timeout = "3s", key = key,
    retry(attempts = 3, backoff = "200ms..2s", policy = key_parked)
)]
async fn park(
    State(probe): State<Probe>,
    Path((_key, number)): Path<(u32, u32)>,
    attempt: Attempt,
    from: Partition,
    offset: Offset,
) -> StatusCode {
    try_it(&probe, number, attempt, &from, offset).await
}

/// A one-way that may fail, and waits in retry topics.
#[endpoint(
    POST "/delays/{key}/{work}", one_way, timeout = "3s", key = key,
    retry(attempts = 3, backoff = "1s..2s", policy = tiers)
)]
async fn delay(
    State(probe): State<Probe>,
    Path((_key, number)): Path<(u32, u32)>,
    attempt: Attempt,
    from: Partition,
    offset: Offset,
) -> StatusCode {
    try_it(&probe, number, attempt, &from, offset).await
}

async fn try_it(
    probe: &Probe,
    number: u32,
    attempt: Attempt,
    from: &Partition,
    offset: Offset,
) -> StatusCode {
    if !probe.is_to_fail(number, attempt.0) {
        do_it(probe, number, from, offset).await;
        return StatusCode::NO_CONTENT;
    }
    let work = probe.begin(number, from, offset).await;
    work.fail(attempt.0).await;
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn do_it(probe: &Probe, number: u32, from: &Partition, offset: Offset) {
    let work = probe.begin(number, from, offset).await;
    work.effect().await;
    work.end().await;
}

/// The service.
pub(super) fn app(probe: Probe) -> App {
    let endpoints = App::new().endpoints(endpoints![ask, tell, insist, park, delay]);
    let app = endpoints.expect("the routes differ");
    app.with_state(probe)
}

/// How it is called.
pub(super) async fn perform(service: ServiceClient, operation: Operation) -> End {
    let (key, work) = (operation.key, operation.work);
    match operation.kind {
        Kind::Call => {
            let mut call = service
                .call(ask::request(key, work))
                .timeout(operation.timeout);
            if let Some(key) = operation.idempotency_key() {
                call = call.idempotency_key(key);
            }
            End::of(call.await, |work| work)
        }
        Kind::OneWay => match operation.retries {
            None => send(&service, tell::request(key, work), &operation).await,
            Some(_) if operation.is_parked() => {
                send(&service, park::request(key, work), &operation).await
            }
            Some(Retries {
                in_topics: false, ..
            }) => send(&service, insist::request(key, work), &operation).await,
            Some(_) => send(&service, delay::request(key, work), &operation).await,
        },
    }
}

async fn send<R: OneWayRequest>(service: &ServiceClient, request: R, operation: &Operation) -> End {
    let mut send = service.send(request).timeout(operation.timeout);
    if let Some(key) = operation.idempotency_key() {
        send = send.idempotency_key(key);
    }
    match send.await {
        Ok(_) => End::Acknowledged,
        Err(error) => End::failed(&error),
    }
}
