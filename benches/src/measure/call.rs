//! Typed calls against the same round trip by hand, whose producers batch in one
//! of three fixed ways.

use anyhow::{Context, Result};

use super::contest::{Contest, Turn, Turns};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};

/// The floors, each with its `linger.ms`.
const RAW: [(&str, &str); 3] = [
    ("raw linger 0", "0"),
    ("raw linger 0.1", "0.1"),
    ("raw linger 0.5", "0.5"),
];

const IN_FLIGHT: [usize; 4] = [1, 8, 64, 256];

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::new(bench);
    for (name, linger) in RAW {
        entries::raw(&mut contest, bench, name, linger, 1)?;
    }
    entries::typed(&mut contest, bench, "typed", Shape::PLAIN)?;
    let mut figures = Vec::new();
    for in_flight in IN_FLIGHT {
        let all = contest.run(&contest.echo(in_flight))?;
        let (ours, raw) = all.split_last().context("nobody took part")?;
        let linger_0 = raw.first().context("there is no floor")?;
        let at = format!("at {in_flight}");
        let absolute = |turns: &Turns| turns.absolute(&at, "service");
        figures.extend(all.iter().flat_map(absolute));
        figures.extend(match in_flight {
            1 => {
                let name = "at 1: p50 over raw linger 0";
                vec![ours.over(linger_0, name, Unit::Seconds, Turn::p50)]
            }
            _ => against_best(in_flight, ours, raw)?,
        });
        if in_flight == 64 {
            let name = "at 64: throughput over raw linger 0";
            figures.push(ours.over(linger_0, name, Unit::PerSecond, Turn::throughput));
        }
        if in_flight == 256 {
            let name = "at 256: CPU per request, client and service, over raw linger 0";
            figures.push(ours.over(linger_0, name, Unit::Seconds, Turn::of_all));
        }
    }
    contest.end()?;
    Ok(figures)
}

/// Against the floor whose fixed linger serves this many calls best.
fn against_best(in_flight: usize, ours: &Turns, raw: &[Turns]) -> Result<Vec<Figure>> {
    let best = Turns::fastest(raw).context("there is no floor")?;
    let throughput = format!("at {in_flight}: throughput over the best raw");
    let p99 = format!("at {in_flight}: p99 over the best raw");
    Ok(vec![
        ours.over(best, throughput, Unit::PerSecond, Turn::throughput),
        ours.over(best, p99, Unit::Seconds, Turn::p99),
    ])
}
