//! One-way records: a service with an empty handler against a loop that reads
//! and commits.

use anyhow::Result;

use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::{Load, Sample};
use crate::raw::Log;
use crate::worker::{Role, Worker};

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let records = bench.pace.records;
    bench.step(format_args!("writing {records} records"));
    let log = Log {
        bootstrap: bench.bootstrap.clone(),
        name: bench.unused("log"),
    };
    log.fill(records)?;
    let by_hand = |keeps| Role::RawConsumer {
        log: log.clone(),
        keeps,
    };
    let mut hand = Worker::start(&by_hand(false))?;
    let mut keeper = Worker::start(&by_hand(true))?;
    let mut ours = Worker::start(&Role::Consumer(log.clone()))?;
    let (mut of_hand, mut of_keeper, mut of_typed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=bench.pace.rounds {
        for (worker, samples, name) in [
            (&mut hand, &mut of_hand, "by hand"),
            (&mut keeper, &mut of_keeper, "kept by hand"),
            (&mut ours, &mut of_typed, "typed"),
        ] {
            bench.step(format_args!("round {round}: {name}"));
            let group = bench.unused("group");
            samples.push(worker.bear(&Load::Consume { group, records })?);
        }
    }
    hand.stop()?;
    keeper.stop()?;
    ours.stop()?;
    let per_core = |name, samples: &[Sample]| {
        let rounds = samples.iter().map(|it| it.done as f64 / it.cpu).collect();
        Figure::new(name, Unit::PerSecond, rounds)
    };
    let by_hand = per_core("records per second and core, by hand", &of_hand);
    let typed = per_core("records per second and core, typed", &of_typed);
    let kept = per_core("records per second and core, kept by hand", &of_keeper);
    let ratio = typed.over(&by_hand, "records per second and core over a loop by hand");
    let of_keeping = kept.over(
        &by_hand,
        "records per second and core, by hand and kept, over a loop by hand",
    );
    let per_second = |name, samples: &[Sample]| {
        let rounds = samples.iter().map(Sample::per_second).collect();
        Figure::new(name, Unit::PerSecond, rounds)
    };
    Ok(vec![
        per_second("records per second, by hand", &of_hand),
        per_second("records per second, typed", &of_typed),
        by_hand,
        kept,
        typed,
        ratio,
        of_keeping,
    ])
}
