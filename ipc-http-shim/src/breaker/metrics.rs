//! What breakers show: read from them at each scrape, so that requests write nothing.

use std::fmt;
use std::sync::{Arc, Weak};

use ipc_breaker::{Reason, Snapshot, State};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Guard;

/// The breakers of all routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct BreakerMetrics(Arc<Mutex<Vec<Weak<Guard>>>>);

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Labels {
    route: Arc<str>,
    backend: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RefusedLabels {
    route: Arc<str>,
    backend: &'static str,
    reason: &'static str,
}

/// A breaker that has been asked.
struct Seen {
    labels: Labels,
    acts: bool,
    snapshot: Snapshot,
}

const REASONS: [(Reason, &str); 4] = [
    (Reason::Open, "open"),
    (Reason::Shed, "shed"),
    (Reason::Probing, "probing"),
    (Reason::Ramping, "ramping"),
];

impl BreakerMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    /// Shows a breaker for as long as it lasts.
    pub(crate) fn show(&self, guard: &Arc<Guard>) {
        let mut shown = self.0.lock();
        shown.retain(|guard| guard.strong_count() > 0);
        shown.push(Arc::downgrade(guard));
    }

    fn seen(&self) -> Vec<Seen> {
        let guards: Vec<Arc<Guard>> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        let seen = guards.iter().filter_map(|guard| {
            Some(Seen {
                labels: Labels {
                    route: Arc::clone(&guard.route),
                    backend: guard.backend.name(),
                },
                acts: guard.is_acting(),
                snapshot: guard.snapshot()?,
            })
        });
        seen.collect()
    }
}

impl Collector for BreakerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let seen = self.seen();
        if seen.is_empty() {
            return Ok(());
        }
        let mut states = encoder.encode_descriptor(
            "breaker_state",
            "What the breaker does: 0 closed, 1 shedding, 2 ramping, 3 half-open, 4 open",
            None,
            MetricType::Gauge,
        )?;
        for one in &seen {
            let state = ConstGauge::new(number(one.snapshot.state));
            state.encode(states.encode_family(&one.labels)?)?;
        }
        for (name, help, acts) in [
            ("breaker_opened", "How often the breaker opened", true),
            (
                "breaker_would_have_opened",
                "How often a breaker that only observes would have opened",
                false,
            ),
        ] {
            let counts = seen.iter().filter(|one| one.acts == acts);
            let counts = counts.map(|one| (&one.labels, one.snapshot.opened));
            counters(&mut encoder, name, help, counts)?;
        }
        let probes = seen.iter().filter(|one| one.acts);
        let probes = probes.map(|one| (&one.labels, one.snapshot.probes));
        let help = "Requests by which the breaker saw whether it goes better";
        counters(&mut encoder, "breaker_probes", help, probes)?;
        for (name, help, acts) in [
            ("breaker_refused", "Requests that the breaker refused", true),
            (
                "breaker_would_have_refused",
                "Requests that a breaker which only observes would have refused",
                false,
            ),
        ] {
            let refused: Vec<_> = seen
                .iter()
                .filter(|one| one.acts == acts)
                .flat_map(by_reason)
                .collect();
            let counts = refused.iter().map(|(labels, count)| (labels, *count));
            counters(&mut encoder, name, help, counts)?;
        }
        Ok(())
    }
}

fn by_reason(one: &Seen) -> impl Iterator<Item = (RefusedLabels, u64)> {
    REASONS.into_iter().map(|(reason, name)| {
        let labels = RefusedLabels {
            route: Arc::clone(&one.labels.route),
            backend: one.labels.backend,
            reason: name,
        };
        (labels, one.snapshot.refused(reason))
    })
}

/// Writes a family of counters; nothing where it has none.
fn counters<'l, L: EncodeLabelSet + 'l>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl Iterator<Item = (&'l L, u64)>,
) -> Result<(), fmt::Error> {
    let mut counts = counts.peekable();
    if counts.peek().is_none() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in counts {
        ConstCounter::new(count).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

fn number(state: State) -> i64 {
    match state {
        State::Closed => 0,
        State::Shedding => 1,
        State::Ramping => 2,
        State::HalfOpen => 3,
        State::Open => 4,
    }
}
