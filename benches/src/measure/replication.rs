//! Typed calls and the same by hand on three brokers with three replicas.

use anyhow::{Context, Result, ensure};

use super::contest::{Contest, Turn};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::Load;
use crate::raw;

const REPLICAS: usize = 3;
/// Calls in flight while nothing counts yet.
const WARMING: usize = 64;

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::new(bench);
    entries::raw(&mut contest, bench, "raw linger 0", "0", 1)?;
    entries::typed(&mut contest, bench, "typed", Shape::PLAIN)?;
    let replicas = raw::fewest_replicas(&bench.bootstrap, "bench-")?;
    ensure!(
        replicas == REPLICAS,
        "a topic has {replicas} replicas here, and this needs {REPLICAS}: say --brokers 3, \
         or set default.replication.factor on the brokers"
    );
    // brokers that have just started compile their own code for a while, first what
    // much load takes and then what one call at a time does
    contest.run(&contest.echo(WARMING))?;
    let alone = Load::echo(1, bench.pace.turn);
    contest.run(&alone)?;
    let all = contest.run(&alone)?;
    contest.end()?;
    let (raw, others) = all.split_first().context("nobody took part")?;
    let typed = others.first().context("only one took part")?;
    let absolute = all
        .iter()
        .flat_map(|turns| turns.absolute("at 1", "service"));
    let mut figures: Vec<Figure> = absolute.collect();
    figures.push(typed.over(raw, "at 1: p50 over raw", Unit::Seconds, Turn::p50));
    Ok(figures)
}
