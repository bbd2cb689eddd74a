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
    let mut by_hand = Worker::start(&Role::RawConsumer(log.clone()))?;
    let mut typed = Worker::start(&Role::Consumer(log))?;
    let (mut of_hand, mut of_typed) = (Vec::new(), Vec::new());
    for round in 1..=bench.pace.rounds {
        for (worker, samples, name) in [
            (&mut by_hand, &mut of_hand, "by hand"),
            (&mut typed, &mut of_typed, "typed"),
        ] {
            bench.step(format_args!("round {round}: {name}"));
            let group = bench.unused("group");
            samples.push(worker.bear(&Load::Consume { group, records })?);
        }
    }
    by_hand.stop()?;
    typed.stop()?;
    let per_core = |samples: &[Sample]| -> Vec<f64> {
        samples.iter().map(|it| it.done as f64 / it.cpu).collect()
    };
    let (of_hand_per_core, of_typed_per_core) = (per_core(&of_hand), per_core(&of_typed));
    let per_second = |name, samples: &[Sample]| {
        let rounds = samples.iter().map(Sample::per_second).collect();
        Figure::new(name, Unit::PerSecond, rounds)
    };
    let ratio = Figure::ratio(
        "records per second and core over a loop by hand",
        &of_typed_per_core,
        &of_hand_per_core,
    );
    let name = "records per second and core, by hand";
    let by_hand = Figure::new(name, Unit::PerSecond, of_hand_per_core);
    let name = "records per second and core, typed";
    let typed = Figure::new(name, Unit::PerSecond, of_typed_per_core);
    Ok(vec![
        per_second("records per second, by hand", &of_hand),
        per_second("records per second, typed", &of_typed),
        by_hand,
        typed,
        ratio,
    ])
}
