//! Two hundred gateways beside processes, which share the sixteen partitions of a reply
//! topic: what each holds, what all of them use while nobody asks, and what a call costs.

use std::time::Duration;

use anyhow::Result;

use super::entries::{self, Shape};
use super::soak::pass;
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::http::{Features, GatewayPlan, HttpPlan};
use crate::load::{Load, Sample};
use crate::resources;
use crate::worker::{Role, Worker};

const PARTITIONS: i32 = 16;
/// Sidecars that start at once.
const BATCH: usize = 4;
/// Until the metadata, connections and producers of the last one have settled.
const SETTLING: Duration = Duration::from_secs(3);
/// How long all of them are watched while nobody asks.
const WATCHED: Duration = Duration::from_secs(10);

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let plan = entries::service(bench, Shape::PLAIN);
    let service = plan.name.clone();
    let sidecar = GatewayPlan {
        features: Features::Sidecar,
        reply_partitions: PARTITIONS,
        fleet: bench.unused("sidecars"),
        ..GatewayPlan::new(Some(&bench.bootstrap), &service)
    };
    let serving = Worker::start(&Role::Service(plan))?;
    let sidecar = Role::Gateway(sidecar);
    let mut all = vec![Worker::start(&sidecar)?];
    let mut client = Worker::start(&Role::HttpClient(HttpPlan {
        below: format!("/{service}"),
        ..HttpPlan::new(all[0].address()?)
    }))?;

    let alone = calls(bench, &mut client, &all)?;
    while all.len() < bench.pace.sidecars {
        bench.step(format_args!("{} sidecars have started", all.len()));
        let more = BATCH.min(bench.pace.sidecars - all.len());
        let mut starting = Vec::with_capacity(more);
        for _ in 0..more {
            starting.push(Worker::spawn(&sidecar)?);
        }
        for mut worker in starting {
            worker.await_ready()?;
            all.push(worker);
        }
    }
    bench.step("nobody asks");
    pass(SETTLING);
    let idle = idle(bench, &all)?;
    let among_all = calls(bench, &mut client, &all)?;
    client.stop()?;
    // they are dropped: there is nothing to drain
    drop(all);
    serving.stop()?;

    let mut figures = idle;
    let [p50_alone, cpu_alone] = alone.figures("1 sidecar");
    let many = format!("{} sidecars", bench.pace.sidecars);
    let [p50, cpu] = among_all.figures(&many);
    let p50_over = p50.over(&p50_alone, "p50 of a call, all sidecars over 1");
    let cpu_over = cpu.over(&cpu_alone, "CPU of all sidecars per call, all over 1");
    figures.extend([p50_alone, cpu_alone, p50, cpu, p50_over, cpu_over]);
    Ok(figures)
}

/// What each holds and all use while nobody asks.
fn idle(bench: &Bench, all: &[Worker]) -> Result<Vec<Figure>> {
    let (brokers, ids) = (&bench.brokers, ids(all));
    let before = (used(&ids)?, used(brokers)?);
    pass(WATCHED);
    // cores: seconds of CPU time in a second
    let watched = WATCHED.as_secs_f64();
    let of_each = (used(&ids)? - before.0) / watched / all.len() as f64;
    let of_broker = (used(brokers)? - before.1) / watched;
    let memory = ids.iter().map(|id| resources::memory(*id));
    let memory = memory.collect::<Result<_>>()?;
    let share = ids.iter().map(|id| resources::share_of_memory(*id));
    let share: Vec<f64> = share.collect::<Result<_>>()?;
    bench.remark(format_args!(
        "{} sidecars hold {} together (PSS).",
        all.len(),
        Unit::Bytes.show(share.iter().sum())
    ));
    Ok(vec![
        Figure::new("idle memory of each (RSS)", Unit::Bytes, memory),
        Figure::new("idle memory of each (PSS)", Unit::Bytes, share),
        Figure::new("idle CPU of each in a second", Unit::Seconds, vec![of_each]),
        Figure::new(
            "idle CPU of the broker in a second",
            Unit::Seconds,
            vec![of_broker],
        ),
    ])
}

fn ids(all: &[Worker]) -> Vec<i32> {
    all.iter().map(Worker::id).collect()
}

/// The CPU time of all of them so far.
fn used(ids: &[i32]) -> Result<f64> {
    ids.iter().map(|id| resources::cpu(*id)).sum()
}

/// Calls through the first sidecar, one after the other.
struct Calls {
    p50: Vec<f64>,
    /// Of all sidecars, for each call.
    cpu: Vec<f64>,
}

fn calls(bench: &Bench, client: &mut Worker, all: &[Worker]) -> Result<Calls> {
    let load = Load::echo(1, bench.pace.turn);
    client.bear(&load.lasting(bench.pace.settling))?;
    let mut calls = Calls {
        p50: Vec::new(),
        cpu: Vec::new(),
    };
    let ids = ids(all);
    for round in 1..=bench.pace.rounds {
        bench.step(format_args!(
            "calls beside {} sidecars, round {round}",
            all.len()
        ));
        let before = used(&ids)?;
        let sample: Sample = client.bear(&load)?;
        sample.ensure_answered()?;
        calls.cpu.push((used(&ids)? - before) / sample.done as f64);
        calls.p50.push(sample.latency.p50);
    }
    Ok(calls)
}

impl Calls {
    fn figures(self, among: &str) -> [Figure; 2] {
        [
            Figure::new(format!("p50 of a call, {among}"), Unit::Seconds, self.p50),
            Figure::new(
                format!("CPU of all sidecars per call, {among}"),
                Unit::Seconds,
                self.cpu,
            ),
        ]
    }
}
