//! What routes that move count and show for good; what they are judged by begins anew
//! with every stage.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::compare::Class;
use super::{Position, Stage};

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RouteLabels {
    route: Arc<str>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ShadowLabels {
    route: Arc<str>,
    result: ShadowResult,
}

/// What became of a shadow, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
enum ShadowResult {
    same,
    status,
    header,
    json,
    bytes,
    not_compared,
}

/// The metrics of all routes that move.
#[derive(Clone, Debug, Default)]
pub(crate) struct MigrationMetrics {
    shadows: Family<ShadowLabels, Counter>,
    fallbacks: Family<RouteLabels, Counter>,
    over_budget: Family<RouteLabels, Counter>,
    percent: Family<RouteLabels, Gauge>,
    shadowed: Family<RouteLabels, Gauge>,
    held: Family<RouteLabels, Gauge>,
}

impl MigrationMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "shadows",
            "Copies of requests, by what comparing their answers found",
            self.shadows.clone(),
        );
        registry.register(
            "fallbacks",
            "Requests the legacy upstream answered after the service did not",
            self.fallbacks.clone(),
        );
        registry.register(
            "fallbacks_over_budget",
            "Requests the legacy upstream was not asked for, since too many had been asked twice",
            self.over_budget.clone(),
        );
        registry.register(
            "migration_percent",
            "How many of a hundred keys the service answers",
            self.percent.clone(),
        );
        registry.register(
            "migration_shadowed",
            "Whether answers are compared",
            self.shadowed.clone(),
        );
        registry.register(
            "migration_held",
            "Whether the route does not go on by itself until somebody says so",
            self.held.clone(),
        );
    }

    pub(crate) fn route(&self, route: &Arc<str>) -> MovingMetrics {
        MovingMetrics {
            all: self.clone(),
            route: Arc::clone(route),
        }
    }
}

/// Those of one route.
#[derive(Clone, Debug)]
pub(crate) struct MovingMetrics {
    all: MigrationMetrics,
    route: Arc<str>,
}

impl MovingMetrics {
    pub(super) fn stands_at(&self, position: &Position) {
        let labels = self.labels();
        let set = |family: &Family<RouteLabels, Gauge>, value: i64| {
            family.get_or_create(&labels).set(value);
        };
        set(&self.all.percent, position.stage.percent().into());
        set(
            &self.all.shadowed,
            i64::from(position.stage == Stage::Shadow),
        );
        set(&self.all.held, i64::from(position.held.is_some()));
    }

    pub(super) fn same(&self) {
        self.shadow(ShadowResult::same);
    }

    pub(super) fn different(&self, class: Class) {
        self.shadow(match class {
            Class::Status => ShadowResult::status,
            Class::Header => ShadowResult::header,
            Class::Json => ShadowResult::json,
            Class::Bytes => ShadowResult::bytes,
        });
    }

    pub(super) fn not_compared(&self) {
        self.shadow(ShadowResult::not_compared);
    }

    pub(super) fn fell_back(&self) {
        self.all.fallbacks.get_or_create(&self.labels()).inc();
    }

    pub(super) fn over_budget(&self) {
        self.all.over_budget.get_or_create(&self.labels()).inc();
    }

    fn shadow(&self, result: ShadowResult) {
        let route = Arc::clone(&self.route);
        let labels = ShadowLabels { route, result };
        self.all.shadows.get_or_create(&labels).inc();
    }

    fn labels(&self) -> RouteLabels {
        RouteLabels {
            route: Arc::clone(&self.route),
        }
    }
}
