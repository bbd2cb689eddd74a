//! Ten minutes of steady load: what is held at the end over what was held in the
//! third minute.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit, median};
use crate::load::{Call, Load};
use crate::ours::ClientPlan;
use crate::resources;
use crate::worker::{Role, Worker};

const PER_SECOND: u32 = 1000;
const MINUTES: usize = 10;
/// The minute that the end is compared with.
const SETTLED: usize = 3;
/// How often a minute asks what is held.
const LOOKS: usize = 12;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let minute = bench.pace.minute;
    let plan = entries::service(bench, Shape::PLAIN);
    let client = Role::Client(ClientPlan::new(&bench.bootstrap, &plan.name));
    let service = Worker::start(&Role::Service(plan))?;
    let mut client = Worker::start(&client)?;
    let mut held = [
        Held::new("memory of the client", Unit::Bytes),
        Held::new("descriptors of the client", Unit::Count),
        Held::new("memory of the service", Unit::Bytes),
        Held::new("descriptors of the service", Unit::Count),
    ];
    let (mut unanswered, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    for passed in 1..=MINUTES {
        client.begin(&Load::Open {
            call: Call::Keyed { keys: 1000 },
            per_second: PER_SECOND,
            span: minute,
        })?;
        for look in 1..=LOOKS {
            pass(minute / u32::try_from(LOOKS)?);
            let [of_client, client_open, of_service, service_open] = &mut held;
            of_client.now(resources::memory(client.id())?);
            client_open.now(resources::descriptors(client.id())?);
            of_service.now(resources::memory(service.id())?);
            service_open.now(resources::descriptors(service.id())?);
            let (client, service) = (of_client.shown(), of_service.shown());
            bench.step(format_args!(
                "minute {passed} of {MINUTES}, look {look} of {LOOKS}: client {client}, service {service}"
            ));
        }
        let sample = client.finish()?;
        unanswered.push(sample.failed as f64);
        p50.push(sample.latency.p50);
        p99.push(sample.latency.p99);
    }
    client.stop()?;
    service.stop()?;
    let mut figures = vec![
        Figure::new("calls not answered", Unit::Count, unanswered),
        Figure::new("p50", Unit::Seconds, p50),
        Figure::new("p99", Unit::Seconds, p99),
    ];
    figures.extend(held.into_iter().flat_map(Held::figures));
    Ok(figures)
}

/// What a process held at every look.
struct Held {
    what: &'static str,
    unit: Unit,
    looks: Vec<f64>,
}

impl Held {
    fn new(what: &'static str, unit: Unit) -> Self {
        Self {
            what,
            unit,
            looks: Vec::with_capacity(MINUTES * LOOKS),
        }
    }

    fn now(&mut self, held: f64) {
        self.looks.push(held);
    }

    fn shown(&self) -> String {
        self.looks
            .last()
            .map_or_else(String::new, |held| self.unit.show(*held))
    }

    /// All of it, and the middle of the last minute over that of the settled one.
    fn figures(self) -> [Figure; 2] {
        let middle = |name, nth: usize| {
            let minute = self.looks.chunks(LOOKS).nth(nth - 1);
            Figure::new(name, self.unit, vec![minute.map_or(f64::NAN, median)])
        };
        let settled = middle("third minute", SETTLED);
        let ratio = format!("{}, at the end over the third minute", self.what);
        let ratio = middle("last minute", MINUTES).over(&settled, ratio);
        [Figure::new(self.what, self.unit, self.looks), ratio]
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the load is another process's, and nobody waits on this thread"
)]
pub(super) fn pass(time: Duration) {
    thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_told_by_the_middle_of_the_last_minute_over_the_third() {
        let mut held = Held::new("memory", Unit::Bytes);
        for minute in 1..=MINUTES {
            for look in 0..LOOKS {
                // one look of each minute is far out, which does not count
                let far = if look == 0 { 1000.0 } else { 1.0 };
                held.now(minute as f64 * far);
            }
        }
        let [series, ratio] = held.figures();
        assert_eq!(series.rounds.len(), MINUTES * LOOKS);
        assert_eq!(ratio.name, "memory, at the end over the third minute");
        assert_eq!(ratio.rounds, [10.0 / 3.0]);
    }
}
