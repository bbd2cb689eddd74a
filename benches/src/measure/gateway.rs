//! What must not matter to a gateway: its features, its routes, and that these change.

use anyhow::{Result, bail};

use super::contest::{Contest, Turn};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::http::{Features, GatewayPlan, HttpPlan};
use crate::load::Load;
use crate::worker::{Role, Worker};

const CPU: &str = "CPU of gateway";
/// How many routes a gateway is asked about, and beside how few.
const MANY: usize = 10_000;
const FEW: usize = 10;
const IN_FLIGHT: usize = 64;

type OfTurn = fn(&Turn) -> f64;

/// Enters a gateway, and a client that asks so many of its routes; the echo where it is none.
fn enter(contest: &mut Contest<'_>, name: &str, plan: GatewayPlan, routes: usize) -> Result<()> {
    let known = plan.features == Features::All;
    let gateway = Worker::start(&Role::Gateway(plan))?;
    let client = HttpPlan {
        routes,
        known,
        ..HttpPlan::new(gateway.address()?)
    };
    contest.enter(name, vec![gateway], &Role::HttpClient(client))
}

/// A gateway with everything it can do against one with nothing, before one service. Both
/// are asked at the same time: what they differ by is less than what turns differ by.
pub(super) fn features(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::new(bench);
    let plan = entries::service(bench, Shape::PLAIN);
    let service = plan.name.clone();
    let serving = Worker::start(&Role::Service(plan))?;
    for (name, features) in [("all", Features::All), ("none", Features::None)] {
        let plan = GatewayPlan {
            features,
            fleet: bench.unused(name),
            ..GatewayPlan::new(Some(&bench.bootstrap), &service)
        };
        enter(&mut contest, name, plan, 0)?;
    }
    let both = contest.run_together(&contest.echo(128))?;
    contest.end()?;
    serving.stop()?;
    let [all, none] = both.as_slice() else {
        bail!("not both took part");
    };
    let mut figures: Vec<Figure> = both
        .iter()
        .flat_map(|turns| turns.absolute("at 128 each", "gateway"))
        .collect();
    let name = "at 128 each: CPU of gateway, all over none";
    figures.push(all.over(none, name, Unit::Seconds, Turn::of_next));
    bench.remark(
        "Metrics are part of both: nothing turns them off. What `all` has: an API key and a \
         scope, three rates of all routes and two of its own, places of a route, adaptive \
         concurrency, and a breaker that acts.",
    );
    Ok(figures)
}

/// Gateways that answer themselves, with many routes and with few. Where few of many are
/// asked, finding them is what differs; where all are, so is the memory that is touched.
pub(super) fn routes(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::finer(bench, 4);
    for (name, more_routes, asked) in [
        (format!("{MANY} routes"), MANY, MANY),
        (format!("{FEW} of {MANY} routes"), MANY, FEW),
        (format!("{FEW} routes"), FEW, FEW),
    ] {
        let plan = GatewayPlan {
            more_routes,
            ..GatewayPlan::new(None, "itself")
        };
        enter(&mut contest, &name, plan, asked)?;
    }
    let all = contest.run(&contest.echo(IN_FLIGHT))?;
    contest.end()?;
    let [many @ .., few] = all.as_slice() else {
        bail!("nobody took part");
    };
    let what: [(&str, OfTurn); 2] = [("p50", Turn::p50), (CPU, Turn::of_next)];
    let mut figures: Vec<Figure> = all
        .iter()
        .flat_map(|turns| what.map(|(what, value)| turns.figure(what, Unit::Seconds, value)))
        .collect();
    for turns in many {
        figures.extend(what.map(|(what, value)| {
            let name = format!("{what}, {} over {}", turns.name, few.name);
            turns.over(few, name, Unit::Seconds, value)
        }));
    }
    Ok(figures)
}

/// A gateway that takes over other routes while requests pass.
pub(super) fn reload(bench: &Bench) -> Result<Vec<Figure>> {
    let plan = GatewayPlan {
        more_routes: MANY,
        ..GatewayPlan::new(None, "itself")
    };
    let mut gateway = Worker::start(&Role::Gateway(plan))?;
    let mut client = Worker::start(&Role::HttpClient(HttpPlan {
        routes: MANY,
        ..HttpPlan::new(gateway.address()?)
    }))?;
    let load = Load::echo(IN_FLIGHT, bench.pace.turn);
    client.bear(&load.lasting(bench.pace.settling))?;
    let (mut unanswered, mut took) = (Vec::new(), Vec::new());
    let (mut quiet, mut meanwhile) = (Vec::new(), Vec::new());
    let mut taken_over = 0;
    for round in 1..=bench.pace.rounds {
        bench.step(format_args!("round {round}"));
        quiet.push(client.bear(&load)?.latency.p99);
        client.begin(&load)?;
        let span = bench.pace.turn;
        let reloads = gateway.bear(&Load::Reload { span })?;
        let sample = client.finish()?;
        reloads.ensure_answered()?;
        if let Some(failure) = &sample.failure {
            bench.note(format_args!("the first that was not answered: {failure}"));
        }
        unanswered.push(sample.failed as f64);
        meanwhile.push(sample.latency.p99);
        took.push(reloads.latency.p50);
        taken_over += reloads.done;
    }
    client.stop()?;
    gateway.stop()?;
    bench.remark(format_args!(
        "{taken_over} configurations were read, checked and taken over, one after the other."
    ));
    Ok(vec![
        Figure::new("requests not answered", Unit::Count, unanswered),
        Figure::new("time of a reload", Unit::Seconds, took),
        Figure::new("p99 without reloads", Unit::Seconds, quiet),
        Figure::new("p99 during reloads", Unit::Seconds, meanwhile),
    ])
}
