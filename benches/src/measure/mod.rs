//! What is measured, one file each.

mod call;
mod cold_start;
mod contest;
mod dedup;
mod effort;
mod entries;
mod exactly_once;
mod flat;
mod gateway;
mod http;
mod idle_streams;
mod instances;
mod instructions;
mod one_way;
mod peers;
mod pending;
mod rate;
mod replication;
mod sidecars;
mod slow;
mod soak;
mod stream;

use anyhow::{Result, bail};

use crate::bench::Bench;
use crate::figure::Figure;

/// One thing that is measured.
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// A command of its own, which runs only where it is named.
    pub(crate) by_name_only: bool,
    pub(crate) run: Run,
}

type Run = fn(&Bench) -> Result<Vec<Figure>>;

/// Every measure, in the order in which they run.
pub(crate) const ALL: &[Measure] = &[
    always(
        "instructions",
        "instructions and allocations per message, without a broker",
        instructions::run,
    ),
    always(
        "call",
        "typed calls over the same round trip by hand, at 1, 8, 64 and 256 in flight",
        call::run,
    ),
    always(
        "rate",
        "latency under a constant rate, free of coordinated omission",
        rate::run,
    ),
    always(
        "one-way",
        "one-way records consumed over a loop by hand that commits",
        one_way::run,
    ),
    always(
        "stream",
        "reply streams of 1000 records over the same records by hand",
        stream::run,
    ),
    always(
        "direct",
        "the same application over HTTP, and without any network",
        http::direct,
    ),
    always(
        "shim",
        "what the gateway adds to a call, and costs beside a proxy",
        http::shim,
    ),
    always(
        "features",
        "a gateway with authentication, limits and a breaker over one without",
        gateway::features,
    ),
    always(
        "routes",
        "a gateway with 10 and 10 000 routes",
        gateway::routes,
    ),
    always(
        "reload",
        "a gateway that takes over 10 000 other routes while requests pass",
        gateway::reload,
    ),
    always(
        "idle-streams",
        "10 000 event streams through a gateway that say nothing: memory",
        idle_streams::run,
    ),
    always("endpoints", "1, 100 and 1000 endpoints", flat::endpoints),
    always(
        "partitions",
        "4 and 64 request partitions",
        flat::partitions,
    ),
    always("callers", "1 and 16 caller instances", flat::callers),
    always(
        "pending",
        "100 000 calls that wait: memory, and one more call",
        pending::run,
    ),
    always(
        "slow-key",
        "one slow key among 1000 on one partition",
        slow::key,
    ),
    always(
        "slow-endpoint",
        "one slow endpoint on the shared topic",
        slow::endpoint,
    ),
    always(
        "rolling",
        "a rolling restart of three instances at 500 calls per second",
        instances::rolling,
    ),
    always(
        "sigkill",
        "SIGKILL of one of three instances at 500 calls per second",
        instances::sigkill,
    ),
    always(
        "cold-start",
        "from the start of a process to its first answer, over raw",
        cold_start::run,
    ),
    by_name(
        "effort",
        "what a little work for each record and one more thread cost the round trip by hand",
        effort::run,
    ),
    by_name(
        "sidecars",
        "200 gateways beside processes, on a reply topic of 16 partitions",
        sidecars::run,
    ),
    by_name(
        "dedup",
        "a claim and a mark in each dedup store, and what a million keys hold",
        dedup::run,
    ),
    by_name(
        "exactly-once",
        "exactly-once outputs over the same at least once: a backlog, and a call",
        exactly_once::run,
    ),
    by_name(
        "replication",
        "typed calls over raw on three brokers",
        replication::run,
    ),
    by_name(
        "peers",
        "typed calls beside Spring's and NATS's, at 1, 64 and 256 in flight",
        peers::run,
    ),
    by_name(
        "soak",
        "ten minutes of steady load: memory and descriptors",
        soak::run,
    ),
];

const fn always(name: &'static str, about: &'static str, run: Run) -> Measure {
    Measure {
        name,
        about,
        by_name_only: false,
        run,
    }
}

const fn by_name(name: &'static str, about: &'static str, run: Run) -> Measure {
    Measure {
        name,
        about,
        by_name_only: true,
        run,
    }
}

impl Measure {
    /// Those that are named; without a name all but the commands of their own.
    pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Self>> {
        let unknown = names
            .iter()
            .find(|name| ALL.iter().all(|it| it.name != **name));
        if let Some(unknown) = unknown {
            let known: Vec<_> = ALL.iter().map(|measure| measure.name).collect();
            bail!(
                "there is no measure {unknown}: name one of {}",
                known.join(", ")
            );
        }
        let chosen = |measure: &&Self| match names.is_empty() {
            true => !measure.by_name_only,
            false => names.iter().any(|name| name == measure.name),
        };
        Ok(ALL.iter().filter(chosen).collect())
    }
}
