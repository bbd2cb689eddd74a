//! What must not matter: how many endpoints, partitions and callers there are.

use anyhow::{Context, Result, bail};

use super::contest::{Contest, Turn, Turns};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::raw::Spread;

const IN_FLIGHT: usize = 64;

pub(super) fn endpoints(bench: &Bench) -> Result<Vec<Figure>> {
    let shape = |more_endpoints| Shape {
        more_endpoints,
        ..Shape::PLAIN
    };
    let shapes = [
        ("1 endpoint", shape(0)),
        ("100 endpoints", shape(100)),
        ("1000 endpoints", shape(1000)),
    ];
    run(bench, &shapes, &[1, IN_FLIGHT])
}

pub(super) fn partitions(bench: &Bench) -> Result<Vec<Figure>> {
    spread(bench, &[("4 partitions", 4, 1), ("64 partitions", 64, 1)])
}

pub(super) fn callers(bench: &Bench) -> Result<Vec<Figure>> {
    spread(bench, &[("1 caller", 1, 1), ("16 callers", 1, 16)])
}

/// Names, partitions and callers: the second over the first, and beside it the same by
/// hand, which tells what librdkafka and the broker have of it.
fn spread(bench: &Bench, over: &[(&str, i32, i32); 2]) -> Result<Vec<Figure>> {
    let mut contest = Contest::new(bench);
    for &(name, partitions, callers) in over {
        let shape = Shape {
            partitions,
            callers: usize::try_from(callers)?,
            ..Shape::PLAIN
        };
        entries::typed(&mut contest, bench, name, shape)?;
    }
    for &(name, partitions, callers) in over {
        let spread = Spread {
            partitions,
            callers,
        };
        entries::raw_spread(&mut contest, bench, &format!("raw, {name}"), spread)?;
    }
    let all = contest.run(&contest.echo(IN_FLIGHT))?;
    contest.end()?;
    let [few, many, raw_few, raw_many] = &all[..] else {
        bail!("not all took part");
    };
    let what = "CPU per request";
    let figures = all
        .iter()
        .map(|turns| turns.figure(what, Unit::Seconds, Turn::of_all));
    let mut figures: Vec<Figure> = figures.collect();
    let over = |many: &Turns, few: &Turns| {
        let name = format!("{what}, {} over {}", many.name, few.name);
        many.over(few, name, Unit::Seconds, Turn::of_all)
    };
    figures.extend([
        over(many, few),
        over(raw_many, raw_few),
        over(many, raw_many),
    ]);
    Ok(figures)
}

/// Each shape over the first.
fn run(bench: &Bench, shapes: &[(&str, Shape)], in_flight: &[usize]) -> Result<Vec<Figure>> {
    let mut contest = Contest::finer(bench, 6);
    for (name, shape) in shapes {
        entries::typed(&mut contest, bench, name, *shape)?;
    }
    let mut figures = Vec::new();
    for &in_flight in in_flight {
        let all = contest.run(&contest.echo(in_flight))?;
        let (first, others) = all.split_first().context("nobody took part")?;
        let (what, unit, value): (_, _, fn(&Turn) -> f64) = match in_flight {
            1 => ("p50", Unit::Seconds, Turn::p50),
            _ => ("CPU per request", Unit::Seconds, Turn::of_all),
        };
        figures.extend(all.iter().map(|turns| turns.figure(what, unit, value)));
        figures.extend(others.iter().map(|turns| {
            let name = format!("{what}, {} over {}", turns.name, first.name);
            turns.over(first, name, unit, value)
        }));
    }
    contest.end()?;
    Ok(figures)
}
