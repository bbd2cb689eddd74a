//! Where a request goes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderValue, Method, request};
use ipc_core::envelope::Problem;
use matchit::Params;

use super::answer::Refusal;
use super::key::record_key;
use super::legacy::LegacyProxy;
use super::rewriting::Changes;
use crate::config::{Config, Route, ServiceMode, Target};
use crate::metrics::{Metrics, Mode, RouteMetrics};
use crate::routes::{Lookup, RouteFault, RouteTable};

/// Every place a request can go, ready to be chosen from.
#[derive(Debug)]
pub(super) struct Destinations {
    table: RouteTable,
    /// In the table's order.
    metrics: Vec<RouteMetrics>,
    legacy: Option<LegacyProxy>,
    legacy_metrics: RouteMetrics,
    unrouted_metrics: RouteMetrics,
    timeout: Duration,
}

/// Where one request goes.
#[derive(Debug)]
pub(super) enum Destination<'d> {
    Service(ToService),
    Legacy {
        proxy: &'d LegacyProxy,
        timeout: Duration,
    },
    /// The gateway answers itself.
    Nowhere(Refusal),
}

/// What was found for one request.
#[derive(Debug)]
pub(super) struct Found<'d> {
    pub(super) destination: Destination<'d>,
    /// What counts it.
    pub(super) metrics: &'d RouteMetrics,
    /// What its route changes, where it has one.
    pub(super) changes: Option<Changes<'d>>,
}

/// How a service is asked.
#[derive(Debug)]
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
            .filter(|(_, route)| config.legacy.is_none() && route.target == Target::Legacy)
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
        Ok(Self {
            metrics: table
                .routes()
                .iter()
                .map(|route| metrics.route(route.label(), mode(route)))
                .collect(),
            table,
            legacy: config.legacy.as_ref().map(LegacyProxy::new),
            legacy_metrics: metrics.route("unrouted", Mode::legacy),
            unrouted_metrics: metrics.route("unrouted", Mode::none),
            timeout: config.timeout,
        })
    }

    /// Goes on with the connections to the legacy upstream where it is the same.
    pub(super) fn keep_connections_of(&mut self, earlier: &Self) {
        if let (Some(proxy), Some(earlier)) = (&mut self.legacy, &earlier.legacy)
            && proxy.goes_where(earlier)
        {
            proxy.clone_from(earlier);
        }
    }

    /// Where a request with this head goes.
    pub(super) fn find(&self, head: &request::Parts) -> Found<'_> {
        let (route, index, params) = match self.table.find(&head.method, head.uri.path()) {
            Lookup::Found {
                route,
                index,
                params,
            } => (route, index, params),
            Lookup::OtherMethods(methods) => return self.unrouted(|| wrong_method(&methods)),
            Lookup::Nothing => return self.unrouted(no_route),
        };
        let (changes, possible) = Changes::of(&route.rewriting, &head.uri, &params);
        let destination = match possible {
            Ok(()) => self.of_route(route, head, &params),
            Err(refusal) => Destination::Nowhere(refusal),
        };
        Found {
            destination,
            metrics: &self.metrics[index],
            changes: Some(changes),
        }
    }

    fn of_route(
        &self,
        route: &Route,
        head: &request::Parts,
        params: &Params<'_, '_>,
    ) -> Destination<'_> {
        let timeout = route.timeout.unwrap_or(self.timeout);
        match (&route.target, &self.legacy) {
            (Target::Service { service, mode, key }, _) => Destination::Service(ToService {
                service: Arc::clone(service),
                mode: *mode,
                key: record_key(key, &head.method, params, &head.headers),
                timeout,
            }),
            (Target::Legacy, Some(proxy)) => Destination::Legacy { proxy, timeout },
            (Target::Legacy, None) => Destination::Nowhere(no_route()),
        }
    }

    /// For a request that is refused before it is routed.
    pub(super) fn refused(&self, refusal: Refusal) -> Found<'_> {
        unrouted(Destination::Nowhere(refusal), &self.unrouted_metrics)
    }

    /// To the legacy upstream where there is one.
    fn unrouted(&self, refusal: impl FnOnce() -> Refusal) -> Found<'_> {
        match &self.legacy {
            Some(proxy) => {
                let timeout = self.timeout;
                unrouted(Destination::Legacy { proxy, timeout }, &self.legacy_metrics)
            }
            None => self.refused(refusal()),
        }
    }
}

fn unrouted<'d>(destination: Destination<'d>, metrics: &'d RouteMetrics) -> Found<'d> {
    Found {
        destination,
        metrics,
        changes: None,
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
