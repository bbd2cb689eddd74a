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
    raw::create_topics(&bench.bootstrap, &[&format!("{nobody}.requests")])?;
    let client = Role::Client(ClientPlan {
        nobody: Some(nobody),
        ..ClientPlan::new(&bench.bootstrap, &service.name)
    });
    let service = Worker::start(&Role::Service(service))?;
    let (mut few, mut full) = (Worker::start(&client)?, Worker::start(&client)?);
    let one_more = Load::echo(1, bench.pace.turn);
    few.bear(&one_more)?;
    full.bear(&one_more)?;
    let idle = resources::memory(full.id())?;
    few.bear(&Load::Hold { calls: FEW })?;
    bench.step(format_args!("leaving {many} calls open"));
    full.bear(&Load::Hold { calls: many })?;
    let held = resources::memory(full.id())? - idle;
    let (mut of_few, mut of_full) = (Vec::new(), Vec::new());
    for round in 1..=bench.pace.rounds {
        bench.step(format_args!("round {round}"));
        of_few.push(few.bear(&one_more)?.latency.p50);
        of_full.push(full.bear(&one_more)?.latency.p50);
    }
    // their calls would be waited for if they ended in order
    drop((few, full));
    service.stop()?;
    let ratio = Figure::ratio(
        "p50 of one more call, over that at 10 pending",
        &of_full,
        &of_few,
    );
    Ok(vec![
        Figure::new("memory above idle", Unit::Bytes, vec![held]),
        Figure::new("p50 of one more call at 10 pending", Unit::Seconds, of_few),
        Figure::new(
            "p50 of one more call with all pending",
            Unit::Seconds,
            of_full,
        ),
        ratio,
    ])
}
