//! Typed calls and the same by hand on three brokers with three replicas.

use anyhow::{Context, Result, ensure};

use super::contest::{Contest, Turn};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::{Call, Load};

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let brokers = bench.bootstrap.split(',').count();
    ensure!(brokers >= 3, "this needs three brokers: say --brokers 3");
    let mut contest = Contest::new(bench);
    entries::raw(&mut contest, bench, "raw linger 0", "0", 1)?;
    entries::typed(&mut contest, bench, "typed", Shape::PLAIN)?;
    contest.warm_up(Call::Echo)?;
    let all = contest.run(&Load::echo(1, bench.pace.turn))?;
    contest.end()?;
    let (raw, others) = all.split_first().context("nobody took part")?;
    let typed = others.first().context("only one took part")?;
    let mut figures: Vec<Figure> = all
        .iter()
        .map(|turns| turns.figure("at 1: p50", Unit::Seconds, Turn::p50))
        .collect();
    figures.push(typed.over(raw, "at 1: p50 over raw", Turn::p50));
    Ok(figures)
}
