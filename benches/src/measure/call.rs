//! Typed calls against the same round trip by hand, whose producers batch in one
//! of three fixed ways.

use anyhow::{Context, Result};

use super::contest::{Contest, Turns};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::load::Load;
use crate::ours::{ClientPlan, ServicePlan};
use crate::raw::{self, Place};
use crate::worker::Role;

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
        enter_raw(bench, &mut contest, name, linger)?;
    }
    enter_ours(bench, &mut contest)?;
    let mut figures = Vec::new();
    for in_flight in IN_FLIGHT {
        let span = bench.pace.turn;
        let all = contest.run(&Load::Closed { in_flight, span })?;
        let (ours, raw) = all.split_last().context("nobody took part")?;
        let linger_0 = raw.first().context("there is no floor")?;
        figures.extend(absolute(in_flight, &all));
        figures.extend(match in_flight {
            1 => vec![latency_at_1(ours, linger_0)],
            _ => against_best(in_flight, ours, raw)?,
        });
        if in_flight == 64 {
            figures.push(Figure::ratio(
                "at 64: throughput over raw linger 0",
                &ours.throughput(),
                &linger_0.throughput(),
            ));
        }
        if in_flight == 256 {
            figures.push(Figure::ratio(
                "at 256: CPU per request, client and service, over raw linger 0",
                &ours.each(|turn| turn.both()),
                &linger_0.each(|turn| turn.both()),
            ));
        }
    }
    contest.end()?;
    Ok(figures)
}

/// Enters the round trip by hand.
pub(super) fn enter_raw(
    bench: &Bench,
    contest: &mut Contest<'_>,
    name: &'static str,
    linger: &str,
) -> Result<()> {
    let place = Place {
        bootstrap: bench.bootstrap.clone(),
        requests: bench.unused("raw-requests"),
        replies: bench.unused("raw-replies"),
        linger: linger.to_owned(),
    };
    raw::create_topics(&place.bootstrap, &[&place.requests, &place.replies])?;
    contest.enter(
        name,
        Role::RawService(place.clone()),
        Role::RawClient(place),
    )
}

/// Enters the framework, with one partition each way.
pub(super) fn enter_ours(bench: &Bench, contest: &mut Contest<'_>) -> Result<()> {
    let name = bench.unused("service");
    let service = ServicePlan {
        bootstrap: bench.bootstrap.clone(),
        name: name.clone(),
        partitions: 1,
    };
    let client = ClientPlan {
        bootstrap: bench.bootstrap.clone(),
        service: name,
        callers: 1,
    };
    contest.enter("typed", Role::Service(service), Role::Client(client))
}

fn latency_at_1(ours: &Turns, linger_0: &Turns) -> Figure {
    Figure::ratio(
        "at 1: p50 over raw linger 0",
        &ours.each(|turn| turn.sample.latency.p50),
        &linger_0.each(|turn| turn.sample.latency.p50),
    )
}

/// Against the floor whose fixed linger serves this many calls best.
fn against_best(in_flight: usize, ours: &Turns, raw: &[Turns]) -> Result<Vec<Figure>> {
    let best = Turns::fastest(raw).context("there is no floor")?;
    Ok(vec![
        Figure::ratio(
            format!("at {in_flight}: throughput over the best raw"),
            &ours.throughput(),
            &best.throughput(),
        ),
        Figure::ratio(
            format!("at {in_flight}: p99 over the best raw"),
            &ours.each(|turn| turn.sample.latency.p99),
            &best.each(|turn| turn.sample.latency.p99),
        ),
    ])
}

fn absolute(in_flight: usize, all: &[Turns]) -> Vec<Figure> {
    let of = |turns: &Turns| {
        let at = |what| format!("at {in_flight}: {what}");
        let per_call = |cpu: f64, calls: u64| cpu / calls as f64;
        vec![
            turns.figure(&at("throughput"), Unit::PerSecond, |turn| {
                turn.sample.per_second()
            }),
            turns.figure(&at("p50"), Unit::Seconds, |turn| turn.sample.latency.p50),
            turns.figure(&at("p99"), Unit::Seconds, |turn| turn.sample.latency.p99),
            turns.figure(&at("CPU of client"), Unit::Seconds, |turn| {
                per_call(turn.client, turn.sample.done)
            }),
            turns.figure(&at("CPU of service"), Unit::Seconds, |turn| {
                per_call(turn.service, turn.sample.done)
            }),
            turns.figure(&at("CPU of broker"), Unit::Seconds, |turn| {
                per_call(turn.brokers, turn.sample.done)
            }),
        ]
    };
    all.iter().flat_map(of).collect()
}
