//! One route on its way.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Serialize;

use super::compare::{Class, Comparison};
use super::metrics::{MigrationMetrics, MovingMetrics};
use super::samples::Samples;
use super::tally::Tally;
use super::{Backlog, Counts, Migration, Position, Sample, ShadowedMethods};

/// A route on its way from the legacy upstream to its service.
#[derive(Debug)]
pub(crate) struct MovingRoute {
    name: Arc<str>,
    rules: Migration,
    /// The service, where nobody waits for what it does.
    one_way_to: Option<Arc<str>>,
    comparison: Comparison,
    standing: ArcSwap<Standing>,
    metrics: MovingMetrics,
    samples: Samples,
}

/// Where the route stands, and what was counted there: requests under way when it
/// moves on are counted where they began.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) position: Position,
    tally: Tally,
    bound: Duration,
    metrics: MovingMetrics,
}

/// What is told of a route.
#[derive(Clone, Debug, Serialize)]
pub struct RouteStatus {
    /// What commands call it.
    pub name: String,
    /// Where it stands.
    #[serde(flatten)]
    pub position: Position,
    /// What this instance has counted there.
    pub counts: Counts,
    /// Differences this instance has found, the newest first.
    pub samples: Vec<Sample>,
}

impl MovingRoute {
    /// `one_way_to` is the service of a route without replies.
    pub(crate) fn new(
        name: Arc<str>,
        rules: Migration,
        one_way_to: Option<Arc<str>>,
        metrics: &MigrationMetrics,
    ) -> Self {
        let metrics = metrics.route(&name);
        let first = rules.steps.first().copied();
        let position = Position::first(first.unwrap_or_else(|| rules.refuge()));
        Self {
            name,
            comparison: Comparison::new(&rules.compare),
            standing: ArcSwap::from_pointee(Standing::new(position, &rules, &metrics)),
            metrics,
            rules,
            one_way_to,
            samples: Samples::default(),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn rules(&self) -> &Migration {
        &self.rules
    }

    /// What is left to the service when the route goes back, of which nobody knows yet
    /// how much.
    pub(super) fn left_behind(&self) -> Option<Backlog> {
        let service = self.one_way_to.as_ref()?;
        Some(Backlog {
            service: service.to_string(),
            records: None,
        })
    }

    pub(crate) fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    pub(crate) fn samples(&self) -> &Samples {
        &self.samples
    }

    pub(crate) fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    /// Whether requests with this method are shadowed.
    pub(crate) fn shadows(&self, method: &http::Method) -> bool {
        self.rules.shadow == ShadowedMethods::Every || method.is_safe()
    }

    /// Goes where `position` says, unless the route knows of a later one. What was
    /// counted begins anew with a new stage.
    pub(crate) fn go(&self, position: Position) {
        let standing = self.standing.load();
        if position.generation <= standing.position.generation {
            return;
        }
        let standing = Standing::new(position, &self.rules, &self.metrics);
        self.standing.store(Arc::new(standing));
    }

    pub(crate) fn status(&self) -> RouteStatus {
        let standing = self.standing.load();
        RouteStatus {
            name: self.name.to_string(),
            position: standing.position.clone(),
            counts: standing.counts(),
            samples: self.samples.newest(),
        }
    }
}

impl Standing {
    fn new(position: Position, rules: &Migration, metrics: &MovingMetrics) -> Self {
        metrics.stands_at(&position);
        Self {
            metrics: metrics.clone(),
            position,
            tally: Tally::default(),
            bound: rules.bounds.p99,
        }
    }

    /// Counts what a request to the legacy upstream came to.
    pub(crate) fn legacy_answered(&self, failed: bool) {
        self.tally.legacy_answered(failed);
    }

    /// Counts what a request to the service came to.
    pub(crate) fn kafka_answered(&self, failed: bool, took: Duration) {
        self.tally.kafka_answered(failed, took > self.bound);
    }

    pub(crate) fn fell_back(&self) {
        self.tally.fell_back();
        self.metrics.fell_back();
    }

    /// A request was not asked a second time, since too many were.
    pub(crate) fn over_budget(&self) {
        self.metrics.over_budget();
    }

    pub(crate) fn same(&self) {
        self.tally.same();
        self.metrics.same();
    }

    pub(crate) fn different(&self, class: Class) {
        self.tally.different(class);
        self.metrics.different(class);
    }

    pub(crate) fn not_compared(&self) {
        self.tally.not_compared();
        self.metrics.not_compared();
    }

    pub(crate) fn counts(&self) -> Counts {
        self.tally.counts()
    }
}
