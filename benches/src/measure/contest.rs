use anyhow::{Result, ensure};

use super::cpu;
use crate::bench::Bench;
use crate::figure::{Figure, Unit, median};
use crate::load::{Load, Sample};
use crate::worker::{Role, Worker};

/// Things that do the same, compared turn by turn: A B C, A B C, ...
pub(super) struct Contest<'a> {
    bench: &'a Bench,
    pairs: Vec<Pair>,
}

/// One of them: a client and what answers it.
struct Pair {
    name: &'static str,
    client: Worker,
    service: Worker,
}

/// What one of them did in every round.
pub(super) struct Turns {
    pub(super) name: &'static str,
    turns: Vec<Turn>,
}

/// What one of them did in one round. CPU times are in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) sample: Sample,
    pub(super) client: f64,
    pub(super) service: f64,
    pub(super) brokers: f64,
}

impl<'a> Contest<'a> {
    pub(super) fn new(bench: &'a Bench) -> Self {
        Self {
            bench,
            pairs: Vec::new(),
        }
    }

    /// Starts a pair and lets it warm up.
    pub(super) fn enter(&mut self, name: &'static str, service: Role, client: Role) -> Result<()> {
        self.bench.step(format_args!("starting {name}"));
        let service = Worker::start(&service)?;
        let mut client = Worker::start(&client)?;
        let span = self.bench.pace.warm_up;
        for in_flight in [1, 64] {
            let span = span / 2;
            client.bear(&Load::Closed { in_flight, span })?;
        }
        self.pairs.push(Pair {
            name,
            client,
            service,
        });
        Ok(())
    }

    /// Gives each its turn, as often as the pace says.
    pub(super) fn run(&mut self, load: &Load) -> Result<Vec<Turns>> {
        let rounds = self.bench.pace.rounds;
        let empty = |pair: &Pair| Turns {
            name: pair.name,
            turns: Vec::with_capacity(rounds),
        };
        let mut all: Vec<Turns> = self.pairs.iter().map(empty).collect();
        for round in 1..=rounds {
            for (pair, turns) in self.pairs.iter_mut().zip(&mut all) {
                let name = pair.name;
                self.bench
                    .step(format_args!("{load}, round {round} of {rounds}: {name}"));
                turns.turns.push(pair.turn(load, &self.bench.brokers)?);
            }
        }
        Ok(all)
    }

    /// Lets all end in order.
    pub(super) fn end(self) -> Result<()> {
        for pair in self.pairs {
            pair.client.stop()?;
            pair.service.stop()?;
        }
        Ok(())
    }
}

impl Pair {
    fn turn(&mut self, load: &Load, brokers: &[i32]) -> Result<Turn> {
        let of_brokers = || brokers.iter().map(|id| cpu::used(*id)).sum::<Result<f64>>();
        let before = (
            cpu::used(self.client.id())?,
            cpu::used(self.service.id())?,
            of_brokers()?,
        );
        let sample = self.client.bear(load)?;
        let (name, failed) = (self.name, sample.failed);
        ensure!(failed == 0, "{name}: {failed} calls failed at {load}");
        Ok(Turn {
            sample,
            client: cpu::used(self.client.id())? - before.0,
            service: cpu::used(self.service.id())? - before.1,
            brokers: of_brokers()? - before.2,
        })
    }
}

impl Turns {
    /// One value of each round.
    pub(super) fn each(&self, value: impl Fn(&Turn) -> f64) -> Vec<f64> {
        self.turns.iter().map(value).collect()
    }

    /// The same as a figure under `what` and this one's name.
    pub(super) fn figure(&self, what: &str, unit: Unit, value: impl Fn(&Turn) -> f64) -> Figure {
        Figure::new(format!("{what}, {}", self.name), unit, self.each(value))
    }

    pub(super) fn throughput(&self) -> Vec<f64> {
        self.each(|turn| turn.sample.per_second())
    }

    /// The one with the greatest median throughput.
    pub(super) fn fastest(all: &[Self]) -> Option<&Self> {
        let speed = |turns: &&Self| median(&turns.throughput());
        all.iter().max_by(|a, b| speed(a).total_cmp(&speed(b)))
    }
}

impl Turn {
    /// CPU time of client and service per call.
    pub(super) fn both(&self) -> f64 {
        (self.client + self.service) / self.sample.done as f64
    }
}
