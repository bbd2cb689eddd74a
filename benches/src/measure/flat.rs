//! What must not matter: how many endpoints, partitions and callers there are.

use anyhow::{Context, Result};

use super::contest::{Contest, Turn};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::Load;

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
    let shape = |partitions| Shape {
        partitions,
        ..Shape::PLAIN
    };
    let shapes = [("4 partitions", shape(4)), ("64 partitions", shape(64))];
    run(bench, &shapes, &[IN_FLIGHT])
}

pub(super) fn callers(bench: &Bench) -> Result<Vec<Figure>> {
    let shape = |callers| Shape {
        callers,
        ..Shape::PLAIN
    };
    let shapes = [("1 caller", shape(1)), ("16 callers", shape(16))];
    run(bench, &shapes, &[IN_FLIGHT])
}

/// Each shape over the first.
fn run(bench: &Bench, shapes: &[(&str, Shape)], in_flight: &[usize]) -> Result<Vec<Figure>> {
    let mut contest = Contest::new(bench);
    for (name, shape) in shapes {
        entries::typed(&mut contest, bench, name, *shape)?;
    }
    let mut figures = Vec::new();
    for &in_flight in in_flight {
        let all = contest.run(&Load::echo(in_flight, bench.pace.turn))?;
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
