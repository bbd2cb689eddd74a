//! Ten thousand streams of events that say nothing: what a gateway holds for them.

use anyhow::{Result, ensure};

use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit, median};
use crate::http::{GatewayPlan, HttpPlan};
use crate::load::Load;
use crate::resources;
use crate::worker::{Role, Worker};

/// Descriptors that a process needs beside those of its streams.
const OTHERS: u64 = 100;

/// How often: memory that is held differs by hundredths at most.
const ROUNDS: usize = 2;

/// Who has the streams open.
struct Entry {
    name: &'static str,
    /// Whether it is the gateway, and not the application itself.
    is_gateway: bool,
    /// Whether a hundred of them share a connection.
    http2: bool,
    held: Vec<f64>,
    descriptors: Vec<f64>,
}

impl Entry {
    fn new(name: &'static str, is_gateway: bool, http2: bool) -> Self {
        Self {
            name,
            is_gateway,
            http2,
            held: Vec::new(),
            descriptors: Vec::new(),
        }
    }

    /// Opens the streams, in processes that start with nothing and are dropped: a drain
    /// would wait for the streams.
    fn turn(&mut self, bench: &Bench) -> Result<()> {
        let plan = entries::service(bench, Shape::PLAIN);
        let (_serving, holder) = if self.is_gateway {
            let gateway = Role::Gateway(GatewayPlan::new(Some(&bench.bootstrap), &plan.name));
            let serving = Worker::start(&Role::Service(plan))?;
            (Some(serving), Worker::start(&gateway)?)
        } else {
            (None, Worker::start(&Role::HttpServer)?)
        };
        let client = HttpPlan {
            http2: self.http2,
            ..HttpPlan::new(holder.address()?)
        };
        let mut client = Worker::start(&Role::HttpClient(client))?;
        client.bear(&Load::echo(1, bench.pace.settling))?;
        let idle = resources::memory(holder.id())?;
        let idle_open = resources::descriptors(holder.id())?;
        let calls = bench.pace.streams;
        client.bear(&Load::Hold { calls })?;
        self.held.push(resources::memory(holder.id())? - idle);
        let open = resources::descriptors(holder.id())?;
        self.descriptors.push(open - idle_open);
        Ok(())
    }
}

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let streams = bench.pace.streams;
    let (needed, may) = (streams as u64 + OTHERS, resources::descriptor_limit());
    ensure!(
        needed <= may,
        "{streams} streams need {needed} descriptors, and a process may have {may}: raise the hard \
         limit, as in `ulimit -Hn 20000`"
    );
    let mut entries = [
        Entry::new("axum over HTTP/1.1", false, false),
        Entry::new("gateway over HTTP/1.1", true, false),
        Entry::new("gateway over HTTP/2", true, true),
    ];
    for round in 1..=ROUNDS {
        for entry in &mut entries {
            let name = entry.name;
            bench.step(format_args!("round {round}: {streams} streams, {name}"));
            entry.turn(bench)?;
        }
    }
    let mut figures = Vec::new();
    for Entry {
        name,
        held,
        descriptors,
        ..
    } in entries
    {
        let each = median(&held) / streams as f64 / 1e3;
        bench.remark(format_args!(
            "{name}: {each:.1} kB of memory for each of {streams} streams"
        ));
        let of = |what: &str| format!("{what}, {name}");
        figures.push(Figure::new(of("memory above idle"), Unit::Bytes, held));
        let what = of("descriptors above idle");
        figures.push(Figure::new(what, Unit::Count, descriptors));
    }
    Ok(figures)
}
