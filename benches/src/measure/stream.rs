//! Reply streams of a thousand records against the same records by hand.

use anyhow::{Context, Result};

use super::contest::{Contest, Turn, Turns};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::{Call, Load};

const RECORDS: u32 = 1000;
/// Streams that are read at once.
const OPEN: usize = 8;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::new(bench);
    entries::raw(&mut contest, bench, "raw linger 0", "0", RECORDS)?;
    entries::raw(&mut contest, bench, "raw linger 0.5", "0.5", RECORDS)?;
    entries::typed(&mut contest, bench, "typed", Shape::PLAIN)?;
    let load = Load::Closed {
        call: Call::Stream { records: RECORDS },
        in_flight: OPEN,
        span: bench.pace.turn,
    };
    let all = contest.run(&load)?;
    contest.end()?;
    let (ours, raw) = all.split_last().context("nobody took part")?;
    let best = Turns::fastest(raw).context("there is no floor")?;
    let records = |turn: &Turn| turn.throughput() * f64::from(RECORDS);
    let mut figures: Vec<Figure> = all
        .iter()
        .map(|turns| turns.figure("records per second", Unit::PerSecond, records))
        .collect();
    let per_record = |turn: &Turn| turn.of_all() / f64::from(RECORDS);
    figures.extend(
        all.iter()
            .map(|turns| turns.figure("CPU per record, both sides", Unit::Seconds, per_record)),
    );
    figures.push(ours.over(
        best,
        "records per second over the best raw",
        Unit::PerSecond,
        records,
    ));
    Ok(figures)
}
