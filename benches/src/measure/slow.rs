//! One that is slow among many: what the others feel of it.

use anyhow::Result;

use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::{Call, Load, Sample};
use crate::ours::ClientPlan;
use crate::worker::{Role, Worker};

/// Calls to fast keys per second, and how many keys there are.
const FAST: u32 = 500;
const KEYS: usize = 1000;
/// Turns of a round: the p99 of one is what a few calls took.
const TURNS: u32 = 2;

/// A key whose work takes 100 ms, on the partition of all others.
pub(super) fn key(bench: &Bench) -> Result<Vec<Figure>> {
    run(bench, Call::SlowKey, 5)
}

/// An endpoint whose work takes 5 s, on the topic of all others.
pub(super) fn endpoint(bench: &Bench) -> Result<Vec<Figure>> {
    run(bench, Call::SlowEndpoint, 4)
}

fn run(bench: &Bench, slow: Call, per_second: u32) -> Result<Vec<Figure>> {
    let plan = entries::service(bench, Shape::PLAIN);
    let client = Role::Client(ClientPlan::new(&bench.bootstrap, &plan.name));
    let service = Worker::start(&Role::Service(plan))?;
    let mut others = Worker::start(&client)?;
    let mut slow_one = Worker::start(&client)?;
    let span = bench.pace.turn;
    let fast = Load::Open {
        call: Call::Keyed { keys: KEYS },
        per_second: FAST,
        span,
    };
    let slow = Load::Open {
        call: slow,
        per_second,
        span: TURNS * span,
    };
    others.bear(&fast)?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 1..=bench.pace.rounds {
        bench.step(format_args!("round {round}: alone"));
        for _ in 0..TURNS {
            without.push(others.bear(&fast)?);
        }
        bench.step(format_args!("round {round}: with the slow one"));
        slow_one.begin(&slow)?;
        for _ in 0..TURNS {
            with.push(others.bear(&fast)?);
        }
        slow_one.finish()?.ensure_answered()?;
    }
    for worker in [others, slow_one, service] {
        worker.stop()?;
    }
    without
        .iter()
        .chain(&with)
        .try_for_each(Sample::ensure_answered)?;
    let p99 = |name: &str, samples: &[Sample]| {
        let rounds = samples.iter().map(|sample| sample.latency.p99).collect();
        Figure::new(name, Unit::Seconds, rounds)
    };
    let without = p99("p99 of the others without it", &without);
    let with = p99("p99 of the others", &with);
    let ratio = with.over(&without, "p99 of the others over that without it");
    Ok(vec![without, with, ratio])
}
