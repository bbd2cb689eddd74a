//! A hundred thousand calls that wait for an answer: what they hold, and what
//! one more call costs.

use anyhow::Result;

use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::Load;
use crate::ours::ClientPlan;
use crate::raw;
use crate::resources;
use crate::worker::{Role, Worker};

const FEW: usize = 10;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let many = bench.pace.pending;
    let service = entries::service(bench, Shape::PLAIN);
    let nobody = bench.unused("nobody");
    raw::create_topics(&bench.bootstrap, &[(&format!("{nobody}.requests"), 1)])?;
    let client = Role::Client(ClientPlan {
        nobody: Some(nobody),
        ..ClientPlan::new(&bench.bootstrap, &service.name)
    });
    let service = Worker::start(&Role::Service(service))?;
    let one_more = Load::echo(1, bench.pace.turn);
    let settling = one_more.lasting(bench.pace.settling);
    let mut few = Worker::start(&client)?;
    few.bear(&settling)?;
    few.bear(&Load::Hold { calls: FEW })?;
    let (mut held, mut of_few, mut of_full) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=bench.pace.rounds {
        bench.step(format_args!("round {round}: leaving {many} calls open"));
        let mut full = Worker::start(&client)?;
        full.bear(&settling)?;
        let idle = resources::memory(full.id())?;
        full.bear(&Load::Hold { calls: many })?;
        held.push(resources::memory(full.id())? - idle);
        bench.step(format_args!("round {round}: one more call"));
        of_few.push(few.bear(&one_more)?.latency.p50);
        of_full.push(full.bear(&one_more)?.latency.p50);
        // it is dropped: its calls would be waited for if it ended in order
    }
    drop(few);
    service.stop()?;
    let p50 = |name, rounds| Figure::new(name, Unit::Seconds, rounds);
    let of_few = p50("p50 of one more call at 10 pending", of_few);
    let of_full = p50("p50 of one more call with all pending", of_full);
    let ratio = of_full.over(&of_few, "p50 of one more call, over that at 10 pending");
    Ok(vec![
        Figure::new("memory above idle", Unit::Bytes, held),
        of_few,
        of_full,
        ratio,
    ])
}
