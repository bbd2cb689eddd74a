//! Instances that come and go under a constant rate of calls.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::{Call, Load, Sample};
use crate::ours::{ClientPlan, ServicePlan};
use crate::worker::{Role, Worker};

const PER_SECOND: u32 = 500;
/// Enough that every partition has some.
const KEYS: usize = 50;
const PARTITIONS: i32 = 12;
const INSTANCES: usize = 3;
/// How long a call may wait for the partitions of a dead instance.
const PATIENT: Duration = Duration::from_secs(30);

/// Restarts each of three instances in order, one after the other.
pub(super) fn rolling(bench: &Bench) -> Result<Vec<Figure>> {
    let (mut unanswered, mut gaps, mut took) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=bench.pace.turnovers {
        bench.step(format_args!("round {round}"));
        let within = ClientPlan::new("", "").timeout;
        let sample = turnover(bench, within, |instances, plan| {
            let begun = Instant::now();
            for _ in 0..INSTANCES {
                // the oldest ends before its successor starts
                instances.remove(0).stop()?;
                instances.push(Worker::start(&Role::Service(plan.clone()))?);
            }
            took.push(begun.elapsed().as_secs_f64());
            Ok(())
        })?;
        unanswered.push(sample.failed as f64);
        gaps.push(sample.longest_gap);
    }
    Ok(vec![
        Figure::new("calls not answered within 5 s", Unit::Count, unanswered),
        Figure::new("longest time a key went unanswered", Unit::Seconds, gaps),
        Figure::new("time until all three were new", Unit::Seconds, took),
    ])
}

/// Kills one of three instances where it stands.
pub(super) fn sigkill(bench: &Bench) -> Result<Vec<Figure>> {
    let (mut unanswered, mut gaps) = (Vec::new(), Vec::new());
    for round in 1..=bench.pace.turnovers {
        bench.step(format_args!("round {round}"));
        let sample = turnover(bench, PATIENT, |instances, _| {
            // dropping a worker kills it
            drop(instances.remove(0));
            Ok(())
        })?;
        unanswered.push(sample.failed as f64);
        gaps.push(sample.longest_gap);
    }
    Ok(vec![
        Figure::new("calls not answered", Unit::Count, unanswered),
        Figure::new("longest time a key went unanswered", Unit::Seconds, gaps),
    ])
}

/// Calls at a constant rate, and meanwhile `change`s the instances.
fn turnover(
    bench: &Bench,
    timeout: Duration,
    change: impl FnOnce(&mut Vec<Worker>, &ServicePlan) -> Result<()>,
) -> Result<Sample> {
    let plan = entries::service(
        bench,
        Shape {
            partitions: PARTITIONS,
            ..Shape::PLAIN
        },
    );
    let mut instances = Vec::new();
    for _ in 0..INSTANCES {
        instances.push(Worker::start(&Role::Service(plan.clone()))?);
    }
    let mut client = Worker::start(&Role::Client(ClientPlan {
        timeout,
        ..ClientPlan::new(&bench.bootstrap, &plan.name)
    }))?;
    let load = |span| Load::Open {
        call: Call::Keyed { keys: KEYS },
        per_second: PER_SECOND,
        span,
    };
    client.bear(&load(bench.pace.settling))?;
    client.begin(&load(bench.pace.turnover))?;
    change(&mut instances, &plan)?;
    let sample = client.finish()?;
    if let Some(failure) = &sample.failure {
        bench.note(format_args!(
            "the first call that was not answered: {failure}"
        ));
    }
    client.stop()?;
    instances.into_iter().try_for_each(Worker::stop)?;
    Ok(sample)
}
