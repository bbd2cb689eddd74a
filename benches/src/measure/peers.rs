//! Typed calls beside those of others: Spring over the same Kafka, and NATS, which
//! keeps no log.

use anyhow::{Context, Result};
use rdkafka::util::get_rdkafka_version;

use super::contest::{Contest, Turn, Turns};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::raw::Spread;
use crate::worker::Worker;

const IN_FLIGHT: [usize; 3] = [1, 64, 256];

/// Spring's, each with the `linger.ms` of its producers: none, and the default of
/// Kafka's own client.
const SPRING: [(&str, &str); 2] = [("Spring linger 0", "0"), ("Spring linger 5", "5")];
const NATS: &str = "NATS";

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::new(bench);
    entries::typed(&mut contest, bench, "typed", Shape::PLAIN)?;
    entries::raw(&mut contest, bench, "raw linger 0", "0", 1)?;
    let (_, librdkafka) = get_rdkafka_version();
    bench.remark(format_args!(
        "typed and raw linger 0: librdkafka {librdkafka}, acks all, enable.idempotence true, \
         commits each second; typed lingers by its load"
    ));
    for (name, linger) in SPRING {
        enter_spring(&mut contest, bench, name, linger)?;
    }
    enter_nats(&mut contest, bench)?;
    for missing in &bench.peers.missing {
        bench.note(missing);
        bench.remark(missing);
    }
    let mut figures = Vec::new();
    for in_flight in IN_FLIGHT {
        let all = contest.run(&contest.echo(in_flight))?;
        let (typed, others) = all.split_first().context("nobody took part")?;
        let at = format!("at {in_flight}");
        let absolute = |turns: &Turns| turns.absolute(&at, "service");
        figures.extend(all.iter().flat_map(absolute));
        let peers = others.iter().skip(1);
        figures.extend(peers.flat_map(|peer| ratios(in_flight, typed, peer)));
    }
    contest.end()?;
    Ok(figures)
}

fn enter_spring(contest: &mut Contest<'_>, bench: &Bench, name: &str, linger: &str) -> Result<()> {
    bench.step(format_args!("starting and warming up {name}"));
    let place = entries::place(bench, linger, 1, Spread::NONE)?;
    if let Some((service, client)) = bench.peers.spring(&place)? {
        remark(bench, name, "service", &service);
        remark(bench, name, "client", &client);
        contest.admit(name, vec![service], client, None);
    }
    Ok(())
}

fn enter_nats(contest: &mut Contest<'_>, bench: &Bench) -> Result<()> {
    bench.step(format_args!("starting {NATS}"));
    if let Some([server, service, client]) = bench.peers.nats()? {
        remark(bench, NATS, "server", &server);
        remark(bench, NATS, "service", &service);
        remark(bench, NATS, "client", &client);
        contest.admit(NATS, vec![service], client, Some(server));
    }
    Ok(())
}

/// Keeps what a process runs with.
fn remark(bench: &Bench, name: &str, side: &str, process: &Worker) {
    let each = process.settings().iter();
    let settings: Vec<_> = each
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    bench.remark(format_args!("{name}, {side}: {}", settings.join(", ")));
}

/// What counts at so many calls in flight: latency where nothing else is under way,
/// throughput and its price where much is.
fn ratios(in_flight: usize, typed: &Turns, peer: &Turns) -> Vec<Figure> {
    let over = |what, unit, value: fn(&Turn) -> f64| {
        let name = format!("at {in_flight}: {what} over {}", peer.name);
        typed.over(peer, name, unit, value)
    };
    let first = match in_flight {
        1 => over("p50", Unit::Seconds, Turn::p50),
        _ => over("throughput", Unit::PerSecond, Turn::throughput),
    };
    let cpu = "CPU per request, client and service,";
    vec![first, over(cpu, Unit::Seconds, Turn::of_all)]
}
