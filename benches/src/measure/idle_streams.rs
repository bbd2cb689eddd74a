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

pub(super) fn run(bench: &Bench) -> Result<Vec<Figure>> {
    let streams = bench.pace.streams;
    let (needed, may) = (streams as u64 + OTHERS, resources::descriptor_limit());
    ensure!(
        needed <= may,
        "{streams} streams need {needed} descriptors, and a process may have {may}: raise the hard \
         limit, as in `ulimit -Hn 20000`"
    );
    let (mut held, mut descriptors) = (Vec::new(), Vec::new());
    for round in 1..=bench.pace.rounds {
        bench.step(format_args!("round {round}: opening {streams} streams"));
        // a new one each time: the streams of the last round stay open there for a while
        let plan = entries::service(bench, Shape::PLAIN);
        let gateway = Role::Gateway(GatewayPlan::new(Some(&bench.bootstrap), &plan.name));
        let _serving = Worker::start(&Role::Service(plan))?;
        let gateway = Worker::start(&gateway)?;
        let client = HttpPlan::new(gateway.address()?);
        let mut client = Worker::start(&Role::HttpClient(client))?;
        client.bear(&Load::echo(1, bench.pace.settling))?;
        let idle = resources::memory(gateway.id())?;
        let idle_open = resources::descriptors(gateway.id())?;
        client.bear(&Load::Hold { calls: streams })?;
        held.push(resources::memory(gateway.id())? - idle);
        descriptors.push(resources::descriptors(gateway.id())? - idle_open);
        // all are dropped: a drain would wait for the streams
    }
    let each = median(&held) / streams as f64 / 1e3;
    bench.remark(format_args!(
        "{streams} streams, each of which takes {each:.1} kB of the gateway's memory."
    ));
    Ok(vec![
        Figure::new("memory above idle", Unit::Bytes, held),
        Figure::new("descriptors above idle", Unit::Count, descriptors),
    ])
}
