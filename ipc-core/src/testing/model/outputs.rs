//! What is tried of exactly-once endpoints: their handlers write where they were asked.

use std::time::Duration;

use tokio::time::sleep;

use super::history::{End, Kind, Operation, What};
use super::probe::Probe;
use super::world::World;
use crate::client::ServiceClient;
use crate::extract::{Offset, Outputs, Partition};
use crate::prelude::*;
use crate::testing::Observer;
use crate::transport::{Start, TopicPartition, Transport};

/// Where handlers write.
pub(super) const TOPIC: &str = "trial.outputs";

/// A call, whose reply names its work.
#[endpoint(POST "/calls/{key}/{work}", delivery = exactly_once, timeout = "3s", key = key)]
async fn ask(
    State(probe): State<Probe>,
    Path((_key, number)): Path<(u32, u32)>,
    from: Partition,
    offset: Offset,
    outputs: Outputs,
) -> Json<u32> {
    write(&probe, number, &from, offset, &outputs).await;
    Json(number)
}

/// A one-way.
#[endpoint(POST "/notes/{key}/{work}", one_way, delivery = exactly_once, timeout = "3s", key = key)]
async fn tell(
    State(probe): State<Probe>,
    Path((_key, number)): Path<(u32, u32)>,
    from: Partition,
    offset: Offset,
    outputs: Outputs,
) {
    write(&probe, number, &from, offset, &outputs).await;
}

/// Writes where the request is.
async fn write(probe: &Probe, number: u32, from: &Partition, offset: Offset, outputs: &Outputs) {
    let work = probe.begin(number, from, offset).await;
    work.effect().await;
    let place = format!("{} {}", from.0.partition, offset.0);
    // A handler that has ended writes nothing.
    let _ = outputs.send(TOPIC, None, place);
    work.end().await;
}

/// The service.
pub(super) fn app(probe: Probe) -> App {
    let endpoints = App::new().endpoints(endpoints![ask, tell]);
    let app = endpoints.expect("the routes differ");
    app.with_state(probe)
}

/// How it is called.
pub(super) async fn perform(service: ServiceClient, operation: Operation) -> End {
    let (key, work, timeout) = (operation.key, operation.work, operation.timeout);
    match operation.kind {
        Kind::Call => {
            let call = service.call(ask::request(key, work)).timeout(timeout);
            End::of(call.await, |work| work)
        }
        Kind::OneWay => {
            let send = service.send(tell::request(key, work)).timeout(timeout);
            match send.await {
                Ok(_) => End::Acknowledged,
                Err(error) => End::failed(&error),
            }
        }
    }
}

/// Notes every output that is committed.
pub(super) async fn note(
    transport: &dyn Transport,
    world: &World,
) -> Result<(), Box<dyn std::error::Error>> {
    let place = TopicPartition {
        topic: transport.topic_names().named(TOPIC),
        partition: 0,
    };
    let outputs = Observer::read(transport, place, Start::Beginning).await?;
    // All of it is there, and the paused clock moves when it is read.
    sleep(Duration::from_secs(1)).await;
    for payload in outputs.seen(|seen| seen.payloads()) {
        let (partition, offset) = payload.split_once(' ').ok_or("an output of nobody")?;
        world.note(What::Output {
            partition: partition.parse()?,
            offset: offset.parse()?,
        });
    }
    Ok(())
}
