//! One route, as it is served.

use std::collections::HashMap;
use std::sync::Arc;

use crate::auth;
use crate::breaker::{Backend, Guard, Guards};
use crate::config::{Route, ServiceMode, Target};
use crate::gateway::cors::Cors;
use crate::gateway::entry::RouteEntry;
use crate::gateway::fallback::Fallback;
use crate::gateway::moving::InMotion;
use crate::metrics::{Metrics, Mode, RouteMetrics};
use crate::migration::route::MovingRoute;

/// What counts the requests of one route, and who may send them.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) metrics: RouteMetrics,
    /// The breaker before its service.
    pub(super) guard: Option<Arc<Guard>>,
    /// Who may send them, where not anybody may.
    pub(super) callers: Option<auth::Guard>,
    /// What browsers are told of it.
    pub(super) cors: Option<Arc<Cors>>,
    pub(super) entry: Arc<RouteEntry>,
    /// Where the route moves.
    pub(super) moving: Option<InMotion>,
}

impl Served {
    /// `earlier` has the routes that move already, by name.
    pub(super) fn new(
        route: &Route,
        metrics: &Metrics,
        entry: Arc<RouteEntry>,
        earlier: &HashMap<Arc<str>, Arc<MovingRoute>>,
        guards: &Guards<'_>,
    ) -> Self {
        let label: Arc<str> = route.label().into();
        let rules = route.migration.clone().zip(route.moving_name());
        let moving = rules.map(|(rules, name)| InMotion {
            route: earlier.get(&*name).map_or_else(
                || {
                    let (name, service) = (name.as_str().into(), route.one_way_to());
                    Arc::new(MovingRoute::new(name, rules, service, metrics.migration()))
                },
                Arc::clone,
            ),
            legacy: metrics.route(Arc::clone(&label), Mode::legacy),
            fallback: Fallback::of(route, &label, guards),
        });
        Self {
            guard: guards.of(route, &label, Backend::Service),
            metrics: metrics.route(label, mode(route)),
            callers: None,
            cors: None,
            entry,
            moving,
        }
    }
}

fn mode(route: &Route) -> Mode {
    match &route.target {
        Target::Aggregate(_) => Mode::aggregate,
        Target::Legacy => Mode::legacy,
        Target::Service { mode, .. } => match mode {
            ServiceMode::Call => Mode::call,
            ServiceMode::OneWay => Mode::one_way,
            ServiceMode::Accepted => Mode::accepted,
            ServiceMode::Stream => Mode::stream,
            ServiceMode::WebSocket => Mode::websocket,
        },
    }
}
