//! From the start of a client's process to its first answer, topics present.

use std::time::Instant;

use anyhow::Result;

use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::ours::ClientPlan;
use crate::raw::Spread;
use crate::worker::{Role, Worker};

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let place = entries::place(bench, "0", 1, Spread::NONE)?;
    let by_hand = Worker::start(&Role::RawService(place.clone()))?;
    let plan = entries::service(bench, Shape::PLAIN);
    let client = ClientPlan::new(&bench.bootstrap, &plan.name);
    let typed = Worker::start(&Role::Service(plan))?;
    let (raw_client, typed_client) = (Role::RawClient(place), Role::Client(client));
    // makes the reply topic
    first_answer(&typed_client)?;
    let (mut of_raw, mut of_typed) = (Vec::new(), Vec::new());
    for round in 1..=bench.pace.rounds {
        bench.step(format_args!("round {round}"));
        of_raw.push(first_answer(&raw_client)?);
        of_typed.push(first_answer(&typed_client)?);
    }
    by_hand.stop()?;
    typed.stop()?;
    let of_raw = Figure::new("first answer, raw", Unit::Seconds, of_raw);
    let of_typed = Figure::new("first answer, typed", Unit::Seconds, of_typed);
    let ratio = of_typed.over(&of_raw, "first answer over raw");
    Ok(vec![of_raw, of_typed, ratio])
}

/// Seconds until a new client, which is ready when it was answered, is ready.
fn first_answer(client: &Role) -> Result<f64> {
    let begun = Instant::now();
    let client = Worker::start(client)?;
    let took = begun.elapsed().as_secs_f64();
    client.stop()?;
    Ok(took)
}
