//! What must not matter: how many endpoints, partitions and callers there are.

use anyhow::{Context, Result, bail};

use super::contest::{Contest, Turn, Turns};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::raw::Spread;

const IN_FLIGHT: usize = 64;

type OfTurn = fn(&Turn) -> f64;

/// What is told of one call in flight, and of many.
const TOLD: [(&str, OfTurn); 2] = [("p50", Turn::p50), ("CPU per request", Turn::of_all)];

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
    run(bench, &shapes)
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
    let mut contest = Contest::finer(bench, 5);
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

/// Each shape over the first. All start anew half-way: what is luck of a process stays with
/// it as long as it lives.
fn run(bench: &Bench, shapes: &[(&str, Shape)]) -> Result<Vec<Figure>> {
    let mut found = at_each_load(bench, shapes)?;
    for (all, anew) in found.iter_mut().zip(at_each_load(bench, shapes)?) {
        for (turns, anew) in all.iter_mut().zip(anew) {
            turns.append(anew);
        }
    }
    let mut figures = Vec::new();
    for (all, (what, value)) in found.iter().zip(TOLD) {
        let (first, others) = all.split_first().context("nobody took part")?;
        let figure = |turns: &Turns| turns.figure(what, Unit::Seconds, value);
        figures.extend(all.iter().map(figure));
        figures.extend(others.iter().map(|turns| {
            let name = format!("{what}, {} over {}", turns.name, first.name);
            turns.over(first, name, Unit::Seconds, value)
        }));
    }
    Ok(figures)
}

/// What all shapes did at each of the loads: in turns where a latency is told, at the same
/// time where CPU is, which varies with what the machine does by more than is looked for.
fn at_each_load(bench: &Bench, shapes: &[(&str, Shape)]) -> Result<[Vec<Turns>; 2]> {
    let mut contest = Contest::finer(bench, 3);
    for (name, shape) in shapes {
        entries::typed(&mut contest, bench, name, *shape)?;
    }
    let alone = contest.run(&contest.echo(1))?;
    let together = contest.run_together(&contest.echo(IN_FLIGHT))?;
    contest.end()?;
    Ok([alone, together])
}
