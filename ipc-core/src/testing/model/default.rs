//! What is tried where nobody brings a service of their own.

use super::history::{End, Kind, Operation};
use super::probe::Probe;
use crate::client::ServiceClient;
use crate::extract::{Offset, Partition};
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

async fn do_it(probe: &Probe, number: u32, from: &Partition, offset: Offset) {
    let work = probe.begin(number, from, offset).await;
    work.effect().await;
    work.end().await;
}

/// The service.
pub(super) fn app(probe: Probe) -> App {
    let endpoints = App::new().endpoints(endpoints![ask, tell]);
    let app = endpoints.expect("the two routes differ");
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
        Kind::OneWay => {
            let mut send = service
                .send(tell::request(key, work))
                .timeout(operation.timeout);
            if let Some(key) = operation.idempotency_key() {
                send = send.idempotency_key(key);
            }
            match send.await {
                Ok(_) => End::Acknowledged,
                Err(error) => End::failed(&error),
            }
        }
    }
}
