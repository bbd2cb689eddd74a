//! Latency under a constant rate, free of coordinated omission.

use anyhow::Result;

use super::contest::{Contest, Turn};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::{Call, Load};

const PER_SECOND: [u32; 2] = [500, 4000];

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::new(bench);
    entries::raw(&mut contest, bench, "raw linger 0", "0", 1)?;
    entries::raw(&mut contest, bench, "raw linger 0.1", "0.1", 1)?;
    entries::typed(&mut contest, bench, "typed", Shape::PLAIN)?;
    contest.warm_up(Call::Echo)?;
    let mut figures = Vec::new();
    for per_second in PER_SECOND {
        let load = Load::Open {
            call: Call::Echo,
            per_second,
            span: bench.pace.turn,
        };
        for turns in contest.run(&load)? {
            let at = |what| format!("at {per_second}/s: {what}");
            figures.push(turns.figure(&at("p50"), Unit::Seconds, Turn::p50));
            figures.push(turns.figure(&at("p99"), Unit::Seconds, Turn::p99));
            let p999 = |turn: &Turn| turn.sample.latency.p999;
            figures.push(turns.figure(&at("p99.9"), Unit::Seconds, p999));
        }
    }
    contest.end()?;
    Ok(figures)
}
