//! The floors without a log, and what the gateway adds.

use anyhow::Result;

use super::contest::{Contest, Turn, Turns};
use super::entries::{self, Shape};
use crate::bench::Bench;
use crate::figure::{Figure, Unit};
use crate::http::{GatewayPlan, HttpPlan};
use crate::ours::ClientPlan;
use crate::worker::{Role, Worker};

/// The same application over HTTP on loopback, and without any network.
pub(super) fn direct(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::finer(bench, 3);
    let server = Worker::start(&Role::HttpServer)?;
    let client = Role::HttpClient(HttpPlan::new(server.address()?));
    contest.enter("axum over HTTP", vec![server], &client)?;
    contest.enter("the Router's oneshot", Vec::new(), &Role::Oneshot)?;
    let mut figures = Vec::new();
    for in_flight in [1, 64, 256] {
        for turns in contest.run(&contest.echo(in_flight))? {
            figures.extend(turns.absolute(&format!("at {in_flight}"), "server"));
        }
    }
    contest.end()?;
    Ok(figures)
}

/// The gateway before a service against the typed client, and against a proxy
/// before the same application over HTTP.
pub(super) fn shim(bench: &Bench) -> Result<Vec<Figure>> {
    let mut contest = Contest::finer(bench, 6);
    let plan = entries::service(bench, Shape::PLAIN);
    let typed = ClientPlan::new(&bench.bootstrap, &plan.name);
    let gateway = Role::Gateway(GatewayPlan::new(Some(&bench.bootstrap), &plan.name));
    let service = Worker::start(&Role::Service(plan))?;
    let gateway = Worker::start(&gateway)?;
    let before_gateway = Role::HttpClient(HttpPlan::new(gateway.address()?));
    contest.enter("typed client", Vec::new(), &Role::Client(typed))?;
    contest.enter("gateway", vec![gateway], &before_gateway)?;
    let server = Worker::start(&Role::HttpServer)?;
    let proxy = Worker::start(&Role::Proxy(server.address()?))?;
    let before_proxy = Role::HttpClient(HttpPlan::new(proxy.address()?));
    contest.enter("proxy", vec![proxy, server], &before_proxy)?;

    let mut figures = Vec::new();
    let at_1 = contest.run(&contest.echo(1))?;
    let [client, gateway, proxy] = at_1.as_slice() else {
        unreachable!("three have entered");
    };
    figures.extend(
        at_1.iter()
            .flat_map(|turns| turns.absolute("at 1", "server")),
    );
    let p50 = |turns: &Turns| turns.side(Unit::Seconds, Turn::p50);
    let (through, own) = (p50(gateway), p50(client));
    figures.push(through.over(&own, "at 1: p50 over the typed client's"));
    let added = through.above(&own, "at 1: p50 above the typed client's");
    figures.push(added.over(
        &p50(proxy),
        "at 1: what the gateway adds over the proxy's p50",
    ));
    figures.push(added);

    let at_256 = contest.run(&contest.echo(256))?;
    let [_, gateway, proxy] = at_256.as_slice() else {
        unreachable!("three have entered");
    };
    figures.extend(
        at_256
            .iter()
            .flat_map(|turns| turns.absolute("at 256", "server")),
    );
    let per_core = |turn: &Turn| turn.of_next().recip();
    let name = "at 256: requests per second and core over a proxy's";
    figures.push(gateway.over(proxy, name, Unit::PerSecond, per_core));
    contest.end()?;
    service.stop()?;
    Ok(figures)
}
