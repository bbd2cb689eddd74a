//! Where a request goes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderValue, Method, request};
use ipc_core::envelope::Problem;

use super::answer::Refusal;
use super::identity::identity;
use super::key::{decoded, only_value, record_key};
use super::legacy::LegacyProxy;
use super::moving::{Moving, Side};
use crate::config::{Config, Route, ServiceMode, Target};
use crate::metrics::{Metrics, Mode, RouteMetrics};
use crate::migration::route::MovingRoute;
use crate::routes::{Lookup, RouteFault, RouteTable};

/// Every place a request can go, ready to be chosen from.
#[derive(Debug)]
pub(super) struct Destinations {
    table: RouteTable,
    /// In the table's order.
    served: Vec<Served>,
    /// Those of them that move.
    moving: Vec<Arc<MovingRoute>>,
    legacy: Option<LegacyProxy>,
    legacy_metrics: RouteMetrics,
    unrouted_metrics: RouteMetrics,
    timeout: Duration,
}

/// What counts the requests of one route.
#[derive(Debug)]
struct Served {
    metrics: RouteMetrics,
    /// Where the route moves.
    moving: Option<InMotion>,
}

#[derive(Debug)]
struct InMotion {
    route: Arc<MovingRoute>,
    /// What counts the requests that the legacy upstream answers.
    legacy: RouteMetrics,
}

/// Where one request goes.
#[derive(Debug)]
pub(super) enum Destination<'d> {
    Service(ToService),
    Legacy {
        proxy: &'d LegacyProxy,
        timeout: Duration,
    },
    Moving(Box<Moving<'d>>),
    /// The gateway answers itself.
    Nowhere(Refusal),
}

/// How a service is asked.
#[derive(Clone, Debug)]
pub(super) struct ToService {
    pub(super) service: Arc<str>,
    pub(super) mode: ServiceMode,
    pub(super) key: Option<Bytes>,
    pub(super) timeout: Duration,
}

impl Destinations {
    pub(super) fn new(config: &Config, metrics: &Metrics) -> Result<Self, Vec<RouteFault>> {
        let table = RouteTable::new(config.routes.clone())?;
        let stranded: Vec<RouteFault> = (0..)
            .zip(table.routes())
            .filter(|(_, route)| config.legacy.is_none() && needs_legacy(route))
            .map(|(index, route)| RouteFault {
                route: index,
                earlier: None,
                what: format!("path {:?} goes to a legacy upstream", route.path),
                mend: "say where that is".to_owned(),
            })
            .collect();
        if !stranded.is_empty() {
            return Err(stranded);
        }
        let served: Vec<Served> = table
            .routes()
            .iter()
            .map(|route| Served::new(route, metrics))
            .collect();
        let moving = served.iter().filter_map(|served| served.moving.as_ref());
        Ok(Self {
            moving: moving.map(|moving| Arc::clone(&moving.route)).collect(),
            served,
            table,
            legacy: config.legacy.as_ref().map(LegacyProxy::new),
            legacy_metrics: metrics.route("unrouted", Mode::legacy),
            unrouted_metrics: metrics.route("unrouted", Mode::none),
            timeout: config.timeout,
        })
    }

    /// Where a request with this head goes, and what counts it.
    pub(super) fn find(
        &self,
        head: &request::Parts,
        peer: Option<SocketAddr>,
    ) -> (Destination<'_>, &RouteMetrics) {
        let (route, index, params) = match self.table.find(&head.method, head.uri.path()) {
            Lookup::Found {
                route,
                index,
                params,
            } => (route, index, params),
            Lookup::OtherMethods(methods) => return self.unrouted(|| wrong_method(&methods)),
            Lookup::Nothing => return self.unrouted(no_route),
        };
        let timeout = route.timeout.unwrap_or(self.timeout);
        let served = &self.served[index];
        let (service, mode, key) = match (&route.target, &self.legacy) {
            (Target::Service { service, mode, key }, _) => (service, *mode, key),
            (Target::Legacy, Some(proxy)) => {
                return (Destination::Legacy { proxy, timeout }, &served.metrics);
            }
            (Target::Legacy, None) => return (Destination::Nowhere(no_route()), &served.metrics),
        };
        let to = ToService {
            service: Arc::clone(service),
            mode,
            key: record_key(key, &head.method, &params, &head.headers),
            timeout,
        };
        let (Some(InMotion { route, legacy }), Some(proxy)) = (&served.moving, &self.legacy) else {
            return (Destination::Service(to), &served.metrics);
        };
        let standing = route.standing();
        let whose = || {
            let key = to.key.clone().or_else(|| only_value(&params).map(decoded));
            identity(key, &route.rules().sticky, &head.headers, peer)
        };
        let is_shadowed = mode != ServiceMode::Stream && route.shadows(&head.method);
        let side = Side::of(standing.position.stage, whose, is_shadowed);
        let moving = Moving {
            route,
            standing,
            side,
            to,
            proxy,
        };
        let metrics = match side {
            Side::Legacy | Side::Shadow => legacy,
            Side::Kafka => &served.metrics,
        };
        (Destination::Moving(Box::new(moving)), metrics)
    }

    /// The routes that move, in the table's order.
    pub(super) fn moving(&self) -> &[Arc<MovingRoute>] {
        &self.moving
    }

    /// What counts requests that are refused before they are routed.
    pub(super) fn unrouted_metrics(&self) -> &RouteMetrics {
        &self.unrouted_metrics
    }

    /// To the legacy upstream where there is one.
    fn unrouted(&self, refusal: impl FnOnce() -> Refusal) -> (Destination<'_>, &RouteMetrics) {
        match &self.legacy {
            Some(proxy) => {
                let timeout = self.timeout;
                let destination = Destination::Legacy { proxy, timeout };
                (destination, &self.legacy_metrics)
            }
            None => (Destination::Nowhere(refusal()), &self.unrouted_metrics),
        }
    }
}

impl Served {
    fn new(route: &Route, metrics: &Metrics) -> Self {
        let label: Arc<str> = label(route).into();
        let rules = route.migration.clone();
        let moving = rules.map(|rules| {
            let name = rules
                .name
                .as_deref()
                .map_or_else(|| Arc::clone(&label), Arc::from);
            InMotion {
                route: Arc::new(MovingRoute::new(name, rules, metrics.migration())),
                legacy: metrics.route(Arc::clone(&label), Mode::legacy),
            }
        });
        Self {
            metrics: metrics.route(label, mode(route)),
            moving,
        }
    }
}

fn needs_legacy(route: &Route) -> bool {
    route.target == Target::Legacy || route.migration.is_some()
}

fn label(route: &Route) -> String {
    let methods: Vec<&str> = route.methods.iter().map(Method::as_str).collect();
    match methods.as_slice() {
        [] => route.path.clone(),
        methods => format!("{} {}", methods.join(","), route.path),
    }
}

fn mode(route: &Route) -> Mode {
    match &route.target {
        Target::Legacy => Mode::legacy,
        Target::Service { mode, .. } => match mode {
            ServiceMode::Call => Mode::call,
            ServiceMode::OneWay => Mode::one_way,
            ServiceMode::Stream => Mode::stream,
        },
    }
}

fn no_route() -> Refusal {
    Problem::new("no-route", "nothing is served at this path", 404).into()
}

fn wrong_method(methods: &[&Method]) -> Refusal {
    let mut names: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    // A route for GET takes HEAD along.
    if let Some(get) = names.iter().position(|name| *name == "GET")
        && !names.contains(&"HEAD")
    {
        names.insert(get + 1, "HEAD");
    }
    let allow = names.join(", ");
    let problem = Problem::new(
        "method-not-allowed",
        "this path is served for other methods",
        405,
    )
    .with_detail(format!("methods served here: {allow}"));
    let refusal = Refusal::from(problem);
    match HeaderValue::from_str(&allow) {
        Ok(allow) => refusal.with_header(ALLOW, allow),
        Err(_) => refusal,
    }
}
