//! Ten minutes of steady load: what is held at the end over what was held in the
//! third minute.

use anyhow::Result;

use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::{Call, Load};
use crate::ours::ClientPlan;
use crate::resources;
use crate::worker::{Role, Worker};

const PER_SECOND: u32 = 1000;
const MINUTES: usize = 10;
/// The minute that the end is compared with.
const SETTLED: usize = 3;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let minute = bench.pace.minute;
    let plan = entries::service(bench, Shape::PLAIN);
    let client = Role::Client(ClientPlan::new(&bench.bootstrap, &plan.name));
    let service = Worker::start(&Role::Service(plan))?;
    let mut client = Worker::start(&client)?;
    let mut held = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    let mut unanswered = Vec::new();
    for passed in 1..=MINUTES {
        bench.step(format_args!("minute {passed} of {MINUTES}"));
        let sample = client.bear(&Load::Open {
            call: Call::Keyed { keys: 1000 },
            per_second: PER_SECOND,
            span: minute,
        })?;
        unanswered.push(sample.failed as f64);
        for (of, id) in [(0, client.id()), (2, service.id())] {
            held[of].push(resources::memory(id)?);
            held[of + 1].push(resources::descriptors(id)?);
        }
    }
    client.stop()?;
    service.stop()?;
    let names = [
        ("memory of the client", Unit::Bytes),
        ("descriptors of the client", Unit::Count),
        ("memory of the service", Unit::Bytes),
        ("descriptors of the service", Unit::Count),
    ];
    let mut figures = vec![Figure::new("calls not answered", Unit::Count, unanswered)];
    for ((name, unit), minutes) in names.into_iter().zip(held) {
        let (then, now) = (minutes[SETTLED - 1], minutes[MINUTES - 1]);
        figures.push(Figure::new(name, unit, minutes));
        let ratio = format!("{name}, at the end over the third minute");
        figures.push(Figure::ratio(ratio, &[now], &[then]));
    }
    Ok(figures)
}
