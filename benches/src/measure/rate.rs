//! Latency under a constant rate, free of coordinated omission.

use anyhow::Result;

use super::contest::{Contest, Turn};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::{Call, Load};

const PER_SECOND: [u32; 2] = [500, 4000];

type OfTurn = fn(&Turn) -> f64;

/// What is told of the latencies of each turn.
const PERCENTILES: [(&str, OfTurn); 5] = [
    ("p50", Turn::p50),
    ("p90", |turn| turn.sample.latency.p90),
    ("p99", Turn::p99),
    ("p99.9", |turn| turn.sample.latency.p999),
    ("max", |turn| turn.sample.latency.max),
];

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::new(bench);
    entries::raw(&mut contest, bench, "raw linger 0", "0", 1)?;
    entries::raw(&mut contest, bench, "raw linger 0.1", "0.1", 1)?;
    entries::typed(&mut contest, bench, "typed", Shape::PLAIN)?;
    let mut figures = Vec::new();
    for per_second in PER_SECOND {
        let load = Load::Open {
            call: Call::Echo,
            per_second,
            span: bench.pace.turn,
        };
        for turns in contest.run(&load)? {
            for (percentile, value) in PERCENTILES {
                let what = format!("at {per_second}/s: {percentile}");
                figures.push(turns.figure(&what, Unit::Seconds, value));
            }
        }
    }
    contest.end()?;
    Ok(figures)
}
