use anyhow::{Context as _, Result};

use crate::bench::{Bench, Pace};
use crate::figure::{Figure, Unit, median};
use crate::load::{Load, Sample};
use crate::resources;
use crate::worker::{Role, Worker};

/// Things that do the same, compared turn by turn: A B C, A B C, ...
pub(super) struct Contest<'a> {
    bench: &'a Bench,
    pace: Pace,
    entries: Vec<Entry>,
}

/// One of them: a client, and what answers it.
struct Entry {
    name: String,
    client: Worker,
    /// The process next to the client first.
    others: Vec<Worker>,
    /// What it has for a broker, where that is not the Kafka.
    broker: Option<Worker>,
}

/// What one of them did in every round.
pub(super) struct Turns {
    pub(super) name: String,
    turns: Vec<Turn>,
}

/// What one of them did in one round. CPU times are in seconds.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) sample: Sample,
    /// Of each process beside the client.
    others: Vec<f64>,
    /// `None` where they run elsewhere, or nobody asked them.
    brokers: Option<f64>,
}

impl<'a> Contest<'a> {
    pub(super) fn new(bench: &'a Bench) -> Self {
        Self {
            bench,
            pace: bench.pace,
            entries: Vec::new(),
        }
    }

    /// One of shorter turns, and so many times as many.
    pub(super) fn finer(bench: &'a Bench, times: usize) -> Self {
        Self {
            pace: bench.pace.finer(times),
            ..Self::new(bench)
        }
    }

    /// The echo, by so many at once, for a turn.
    pub(super) fn echo(&self, in_flight: usize) -> Load {
        Load::echo(in_flight, self.pace.turn)
    }

    /// Takes on a client and what answers it.
    pub(super) fn enter(&mut self, name: &str, others: Vec<Worker>, client: &Role) -> Result<()> {
        self.bench.step(format_args!("starting {name}"));
        self.admit(name, others, Worker::start(client)?, None);
        Ok(())
    }

    /// Takes on a client that has started already, what answers it, and the broker
    /// between them where that is not the Kafka.
    pub(super) fn admit(
        &mut self,
        name: &str,
        others: Vec<Worker>,
        client: Worker,
        broker: Option<Worker>,
    ) {
        self.entries.push(Entry {
            name: name.to_owned(),
            client,
            others,
            broker,
        });
    }

    /// Lets each settle under the load, then gives each its turn as often as the
    /// pace says.
    pub(super) fn run(&mut self, load: &Load) -> Result<Vec<Turns>> {
        let pace = self.pace;
        for entry in &mut self.entries {
            self.bench
                .step(format_args!("{load}, settling: {}", entry.name));
            entry.client.bear(&load.lasting(pace.settling))?;
        }
        let rounds = pace.rounds;
        let mut all = self.no_turns();
        for round in 1..=rounds {
            for (entry, turns) in self.entries.iter_mut().zip(&mut all) {
                let name = &entry.name;
                let step = format_args!("{load}, round {round} of {rounds}: {name}");
                self.bench.step(step);
                if !pace.lead.is_zero() {
                    entry.client.bear(&load.lasting(pace.lead))?;
                }
                turns.turns.push(entry.turn(load, &self.bench.brokers)?);
            }
        }
        Ok(all)
    }

    /// Has all bear the load at the same time, as often as the pace says: what the machine
    /// does meanwhile, it does to all of them. What the brokers spend is nobody's then.
    pub(super) fn run_together(&mut self, load: &Load) -> Result<Vec<Turns>> {
        let pace = self.pace;
        self.bench.step(format_args!("{load}, settling: all"));
        self.together(&load.lasting(pace.settling))?;
        let mut all = self.no_turns();
        for round in 1..=pace.rounds {
            let step = format_args!("{load}, round {round} of {}: all", pace.rounds);
            self.bench.step(step);
            for (turns, turn) in all.iter_mut().zip(self.together(load)?) {
                turns.turns.push(turn);
            }
        }
        Ok(all)
    }

    fn together(&mut self, load: &Load) -> Result<Vec<Turn>> {
        let mut begun = Vec::with_capacity(self.entries.len());
        for entry in &mut self.entries {
            begun.push(entry.begin(load, &[])?);
        }
        let entries = self.entries.iter_mut();
        let ended: Result<Vec<Sample>> = entries.map(|entry| entry.client.finish()).collect();
        let entries = self.entries.iter().zip(begun).zip(ended?);
        entries
            .map(|((entry, begun), sample)| entry.turn_of(load, &[], &begun, sample))
            .collect()
    }

    fn no_turns(&self) -> Vec<Turns> {
        let none = |entry: &Entry| Turns {
            name: entry.name.clone(),
            turns: Vec::with_capacity(self.pace.rounds),
        };
        self.entries.iter().map(none).collect()
    }

    /// Lets all end in order.
    pub(super) fn end(self) -> Result<()> {
        for entry in self.entries {
            entry.client.stop()?;
            let mut others = entry.others.into_iter().chain(entry.broker);
            others.try_for_each(Worker::stop)?;
        }
        Ok(())
    }
}

impl Entry {
    fn turn(&mut self, load: &Load, brokers: &[i32]) -> Result<Turn> {
        let begun = self.begin(load, brokers)?;
        let sample = self.client.finish()?;
        self.turn_of(load, brokers, &begun, sample)
    }

    /// Begins a turn: what CPU times the others and the brokers had used by then.
    fn begin(&mut self, load: &Load, brokers: &[i32]) -> Result<Vec<f64>> {
        let begun = self.used(brokers)?;
        self.client.begin(load)?;
        Ok(begun)
    }

    fn turn_of(&self, load: &Load, brokers: &[i32], begun: &[f64], sample: Sample) -> Result<Turn> {
        let ended = self.used(brokers)?;
        let answered = sample.ensure_answered();
        answered.with_context(|| format!("{} at {load}", self.name))?;
        let mut spent: Vec<f64> = ended.iter().zip(begun).map(|(a, b)| a - b).collect();
        let of_brokers = spent.split_off(self.others.len());
        let brokers = (!of_brokers.is_empty()).then(|| of_brokers.into_iter().sum());
        Ok(Turn {
            sample,
            others: spent,
            brokers,
        })
    }

    /// CPU times so far of the others, then of its own broker or of these.
    fn used(&self, brokers: &[i32]) -> Result<Vec<f64>> {
        let mut ids: Vec<i32> = self.others.iter().map(Worker::id).collect();
        match &self.broker {
            Some(broker) => ids.push(broker.id()),
            None => ids.extend(brokers),
        }
        ids.into_iter().map(resources::cpu).collect()
    }
}

impl Turns {
    /// Takes those that the same thing did later.
    pub(super) fn append(&mut self, later: Self) {
        self.turns.extend(later.turns);
    }

    /// One value of each round.
    pub(super) fn each(&self, value: impl Fn(&Turn) -> f64) -> Vec<f64> {
        self.turns.iter().map(value).collect()
    }

    /// The same as a figure under `what` and this one's name.
    pub(super) fn figure(&self, what: &str, unit: Unit, value: impl Fn(&Turn) -> f64) -> Figure {
        Figure::new(format!("{what}, {}", self.name), unit, self.each(value))
    }

    /// A value of each round over that of another.
    pub(super) fn over(
        &self,
        other: &Self,
        name: impl Into<String>,
        unit: Unit,
        value: impl Fn(&Turn) -> f64,
    ) -> Figure {
        self.side(unit, &value)
            .over(&other.side(unit, &value), name)
    }

    /// A value of each round under this one's name: one side of a comparison.
    pub(super) fn side(&self, unit: Unit, value: impl Fn(&Turn) -> f64) -> Figure {
        Figure::new(&self.name, unit, self.each(value))
    }

    /// What every measure of calls tells of one that took part `at` a load: its
    /// speed, and the CPU time of each process per call. `next` is the process next
    /// to the client; one that has none has no such figure.
    pub(super) fn absolute(&self, at: &str, next: &str) -> Vec<Figure> {
        let seconds = |what: &str, value: fn(&Turn) -> f64| {
            self.figure(&format!("{at}: {what}"), Unit::Seconds, value)
        };
        let throughput = format!("{at}: throughput");
        let mut figures = vec![
            self.figure(&throughput, Unit::PerSecond, Turn::throughput),
            seconds("p50", Turn::p50),
            seconds("p99", Turn::p99),
            seconds("CPU of client", Turn::of_client),
        ];
        if self.turns.iter().all(|turn| !turn.others.is_empty()) {
            figures.push(seconds(&format!("CPU of {next}"), Turn::of_next));
        }
        if self.turns.iter().all(|turn| turn.brokers.is_some()) {
            figures.push(seconds("CPU of broker", Turn::of_brokers));
        }
        figures
    }

    /// The one with the greatest median throughput.
    pub(super) fn fastest(all: &[Self]) -> Option<&Self> {
        let speed = |turns: &&Self| median(&turns.each(Turn::throughput));
        all.iter().max_by(|a, b| speed(a).total_cmp(&speed(b)))
    }
}

impl Turn {
    pub(super) fn throughput(&self) -> f64 {
        self.sample.per_second()
    }

    pub(super) fn p50(&self) -> f64 {
        self.sample.latency.p50
    }

    pub(super) fn p99(&self) -> f64 {
        self.sample.latency.p99
    }

    /// CPU time of the client per call.
    pub(super) fn of_client(&self) -> f64 {
        self.sample.cpu / self.sample.done as f64
    }

    /// CPU time of what is next to the client per call.
    pub(super) fn of_next(&self) -> f64 {
        self.others.first().copied().unwrap_or(f64::NAN) / self.sample.done as f64
    }

    /// CPU time of the client and of what answers it, brokers apart, per call.
    pub(super) fn of_all(&self) -> f64 {
        let others: f64 = self.others.iter().sum();
        (self.sample.cpu + others) / self.sample.done as f64
    }

    /// CPU time of the brokers per call.
    pub(super) fn of_brokers(&self) -> f64 {
        self.brokers.unwrap_or(f64::NAN) / self.sample.done as f64
    }
}
