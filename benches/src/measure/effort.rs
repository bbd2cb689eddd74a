//! What is left of the round trip by hand when its sides do a little more than they
//! must: how near to the floor anything can come that decodes, handles and encodes.

use std::time::Duration;

use anyhow::{Context, Result};

use super::contest::{Contest, Turn, Turns};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::{Call, Load};
use crate::raw::Effort;

/// A load, and what the sides do beside it.
struct Trial {
    in_flight: usize,
    /// The best fixed one there.
    linger: &'static str,
    efforts: &'static [(&'static str, Effort)],
}

const fn work(micros: u64) -> Effort {
    Effort {
        work: Duration::from_micros(micros),
        ..Effort::NONE
    }
}

const HAND_OVER: Effort = Effort {
    hands_over: true,
    ..Effort::NONE
};

const TRIALS: [Trial; 4] = [
    Trial {
        in_flight: 1,
        linger: "0",
        efforts: &[("raw with one more thread", HAND_OVER)],
    },
    Trial {
        in_flight: 8,
        linger: "0",
        efforts: &[
            ("raw with one more thread", HAND_OVER),
            ("raw with 4 us", work(4)),
        ],
    },
    Trial {
        in_flight: 64,
        linger: "0.1",
        efforts: &WORK,
    },
    Trial {
        in_flight: 256,
        linger: "0.1",
        efforts: &WORK,
    },
];

const WORK: [(&str, Effort); 4] = [
    ("raw with 1 us", work(1)),
    ("raw with 2 us", work(2)),
    ("raw with 4 us", work(4)),
    ("raw with 8 us", work(8)),
];

/// Of a reply stream.
const RECORDS: u32 = 1000;
const STREAMS: usize = 8;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for trial in &TRIALS {
        let load = Load::echo(trial.in_flight, bench.pace.turn);
        let all = compare(bench, (trial.linger, 1), trial.efforts, &load)?;
        let at = format!("at {}", trial.in_flight);
        figures.extend(all.iter().flat_map(|turns| turns.absolute(&at, "service")));
        let (raw, others) = all.split_first().context("nobody took part")?;
        for turns in others {
            let over = |what, unit, value: fn(&Turn) -> f64| {
                let name = format!("{at}: {what}, {} over raw", turns.name);
                turns.over(raw, name, unit, value)
            };
            figures.push(match trial.in_flight {
                1 => over("p50", Unit::Seconds, Turn::p50),
                _ => over("throughput", Unit::PerSecond, Turn::throughput),
            });
        }
    }
    figures.extend(streams(bench)?);
    Ok(figures)
}

fn streams(bench: &Bench) -> Result<Vec<Figure>> {
    let load = Load::Closed {
        call: Call::Stream { records: RECORDS },
        in_flight: STREAMS,
        span: bench.pace.turn,
    };
    let all = compare(bench, ("0.5", RECORDS), &WORK[..2], &load)?;
    let (raw, others) = all.split_first().context("nobody took part")?;
    let records = |turn: &Turn| turn.throughput() * f64::from(RECORDS);
    let absolute = all
        .iter()
        .map(|turns| turns.figure("at 8 streams: records per second", Unit::PerSecond, records));
    let over = others.iter().map(|turns| {
        let name = format!("at 8 streams: records per second, {} over raw", turns.name);
        turns.over(raw, name, Unit::PerSecond, records)
    });
    Ok(absolute.chain(over).collect())
}

/// By hand, by hand with each effort, and the framework.
fn compare(
    bench: &Bench,
    (linger, records): (&str, u32),
    efforts: &[(&str, Effort)],
    load: &Load,
) -> Result<Vec<Turns>> {
    let mut contest = Contest::new(bench);
    let plain = [("raw", Effort::NONE)];
    for (name, effort) in plain.iter().chain(efforts) {
        entries::raw_with(&mut contest, bench, name, (linger, records), *effort)?;
    }
    entries::typed(&mut contest, bench, "typed", Shape::PLAIN)?;
    let all = contest.run(load)?;
    contest.end()?;
    Ok(all)
}
