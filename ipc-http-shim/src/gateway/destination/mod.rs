//! Where a request goes.

mod found;
mod served;
mod unserved;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, request};
use ipc_core::envelope::CorrelationId;
use ipc_core::envelope::principal::Sign;
use matchit::Params;

use super::aggregate::Aggregate;
use super::answer::Refusal;
use super::cors::{self, Cors};
use super::entry::{Entries, RouteEntry};
use super::key::record_key;
use super::legacy::LegacyProxy;
use super::moving::{InMotion, Routed};
use super::pace::Pace;
use super::rewriting::Changes;
use super::socket::ToSocket;
use crate::auth::{self, Access, Principal};
use crate::breaker::{self, Guard, Guards};
use crate::config::{
    Config, HeaderChanges, Lookup, Route, RouteCors, RouteFault, RouteTable, ServiceMode, Target,
    part_faults,
};
use crate::metrics::{Metrics, Mode, RouteMetrics};
use crate::migration::route::MovingRoute;
use crate::peer::Peer;
use crate::spelling;
use crate::tls::ClientTls;
pub(super) use found::{Destination, Found, ToService};
use served::Served;
use unserved::{no_route, wrong_method};

/// Every place a request can go, ready to be chosen from.
#[derive(Debug)]
pub(in crate::gateway) struct Destinations {
    table: RouteTable,
    /// In the table's order.
    served: Vec<Served>,
    legacy: Option<LegacyProxy>,
    legacy_metrics: RouteMetrics,
    unrouted_metrics: RouteMetrics,
    /// Who may send what no route names.
    unrouted_callers: Option<auth::Guard>,
    access: Access,
    /// What browsers are told of what no route names.
    cors: Option<Arc<Cors>>,
    security: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
    sidecar: bool,
    /// How long answers are kept that are asked for later.
    keep: Duration,
    /// What counts those who ask, where anybody can.
    operation_metrics: Option<RouteMetrics>,
}

impl Destinations {
    /// Those of `config`, which go on with what `earlier` has: its connections to the
    /// legacy upstream, where that is the same, and its routes that move, wherever they
    /// stand by now.
    pub(in crate::gateway) fn new(
        config: &Config,
        metrics: &Metrics,
        entries: &Entries,
        earlier: Option<&Self>,
    ) -> Result<Self, Vec<RouteFault>> {
        let table = RouteTable::new(config.routes.clone())?;
        let faults = faults(config, &table);
        if !faults.is_empty() {
            return Err(faults);
        }
        let moving = earlier.map(Self::moving).unwrap_or_default();
        let moving: HashMap<Arc<str>, Arc<MovingRoute>> = moving
            .into_iter()
            .map(|route| (Arc::clone(route.name()), route))
            .collect();
        let counted: HashMap<&str, &RouteEntry> = earlier
            .iter()
            .flat_map(|earlier| &earlier.served)
            .map(|served| (&**served.metrics.name(), &*served.entry))
            .collect();
        let tls = config.legacy_tls.as_ref();
        if let Some(not_after) = tls.and_then(ClientTls::not_after) {
            metrics.tls().legacy(not_after);
        }
        let mut legacy = config
            .legacy
            .as_ref()
            .map(|origin| LegacyProxy::new(origin, tls, Pace::of(&config.limits)));
        let guards = Guards::new(
            config,
            metrics.breakers(),
            earlier.into_iter().flat_map(Self::guards),
        );
        if let (Some(proxy), Some(earlier)) =
            (&mut legacy, earlier.and_then(|it| it.legacy.as_ref()))
        {
            proxy.take_over(earlier);
        }
        let earlier = earlier.map(|it| &it.access);
        let cors = config.cors.as_ref().map(|rules| Arc::new(Cors::new(rules)));
        let access = Access::new(&config.auth, metrics.auth(), earlier);
        Ok(Self {
            served: table
                .routes()
                .iter()
                .map(|route| {
                    let callers = access.guard(route);
                    let cors = match &route.cors {
                        RouteCors::Gateway => cors.clone(),
                        RouteCors::Off => None,
                        RouteCors::Own(rules) => Some(Arc::new(Cors::new(rules))),
                    };
                    let counted = counted.get(route.label().as_str()).copied();
                    let entry = Arc::new(entries.of_route(route, counted));
                    Served {
                        callers,
                        cors,
                        ..Served::new(route, metrics, entry, &moving, &guards)
                    }
                })
                .collect(),
            unrouted_callers: access.unrouted(),
            access,
            cors,
            security: config.security_headers.clone(),
            table,
            legacy,
            legacy_metrics: metrics.route("unrouted", Mode::legacy),
            unrouted_metrics: metrics.route("unrouted", Mode::none),
            timeout: config.timeout,
            sidecar: config.sidecar,
            keep: config.operations.keep,
            operation_metrics: config
                .has_operations()
                .then(|| metrics.route("operations", Mode::none)),
        })
    }

    /// The legacy upstream, where there is one.
    pub(in crate::gateway) fn legacy(&self) -> Option<&LegacyProxy> {
        self.legacy.as_ref()
    }

    /// Whether they are for the process beside the gateway alone.
    pub(in crate::gateway) fn of_sidecar(&self) -> bool {
        self.sidecar
    }

    /// Where a request with this head goes.
    pub(in crate::gateway) fn find(&self, head: &request::Parts, peer: &Peer) -> Found<'_> {
        if let Some(preflight) = self.preflight(head) {
            return preflight;
        }
        let path = spelling::usual(head.uri.path());
        let (route, index, params) = match self.table.find(&head.method, &path) {
            Lookup::Found {
                route,
                index,
                params,
            } => (route, index, params),
            Lookup::OtherMethods(methods) => return self.unrouted(|| wrong_method(&methods)),
            Lookup::Nothing => return self.unrouted(no_route),
        };
        let served = &self.served[index];
        let (changes, possible) = Changes::of(&route.rewriting, &head.uri, &params);
        let destination = self.of_route(route, served, head, &params);
        match (destination, &served.moving, &self.legacy) {
            (Destination::Service(to, guard), Some(moving), Some(proxy)) => {
                let routed = Routed {
                    head,
                    params: &params,
                    peer,
                    to,
                    guard,
                };
                let found = moving.find(routed, proxy, changes, possible, &served.metrics);
                Found {
                    callers: served.callers.as_ref(),
                    cors: served.cors.as_deref(),
                    entry: Some(&served.entry),
                    ..found
                }
            }
            (destination, ..) => Found {
                destination: possible.map_or_else(Destination::Nowhere, |()| destination),
                metrics: &served.metrics,
                callers: served.callers.as_ref(),
                cors: served.cors.as_deref(),
                entry: Some(&served.entry),
                changes: Some(changes),
            },
        }
    }

    fn of_route<'d>(
        &'d self,
        route: &'d Route,
        served: &'d Served,
        head: &request::Parts,
        params: &Params<'_, '_>,
    ) -> Destination<'d> {
        let timeout = route.timeout.unwrap_or(self.timeout);
        match (&route.target, &self.legacy) {
            (Target::Service { service, mode, key }, _) => {
                let socket = match ToSocket::of(route, *mode, params) {
                    Ok(socket) => socket,
                    Err(refusal) => return Destination::Nowhere(refusal),
                };
                // Its messages have an order, whatever it was asked for with.
                let method = match &socket {
                    Some(_) => &Method::POST,
                    None => &head.method,
                };
                let to = ToService {
                    service: Arc::clone(service),
                    mode: *mode,
                    key: record_key(key, method, params, &head.headers),
                    timeout,
                    within: route.within.unwrap_or(self.keep),
                    prefer: route.prefer && *mode == ServiceMode::Call,
                    late_replies: route.late_replies && *mode == ServiceMode::Call,
                    cache: route.cache && *mode == ServiceMode::Call && !route.late_replies,
                    resume: route.resume.filter(|_| *mode == ServiceMode::Stream),
                    socket,
                    entry: Arc::clone(&served.entry),
                };
                Destination::Service(to, served.guard.as_deref())
            }
            (Target::Aggregate(parts), _) => match Aggregate::of(parts, head, params, timeout) {
                Ok(aggregate) => Destination::Aggregate(Box::new(aggregate)),
                Err(refusal) => Destination::Nowhere(refusal),
            },
            (Target::Legacy, Some(proxy)) => Destination::Legacy { proxy, timeout },
            (Target::Legacy, None) => Destination::Nowhere(no_route()),
        }
    }

    /// What tells services that `principal` calls, where they are told.
    pub(in crate::gateway) fn vouching(
        &self,
        principal: Option<&Principal>,
    ) -> Option<Arc<dyn Sign>> {
        self.access.vouching(principal?)
    }

    /// The routes that move, in the table's order.
    pub(in crate::gateway) fn moving(&self) -> Vec<Arc<MovingRoute>> {
        let moving = self.served.iter().filter_map(|it| it.moving.as_ref());
        moving.map(|moving| Arc::clone(&moving.route)).collect()
    }

    /// The breakers, in any order.
    fn guards(&self) -> impl Iterator<Item = &Arc<Guard>> {
        self.served.iter().flat_map(|served| {
            let fallback = served.moving.as_ref().and_then(InMotion::fallback_guard);
            served.guard.iter().chain(fallback)
        })
    }

    /// Removes the series of routes that `next` serves no more.
    pub(in crate::gateway) fn retire(&self, next: &Self, metrics: &Metrics) {
        let kept: HashSet<_> = next.metrics().map(RouteMetrics::key).collect();
        for gone in self.metrics().filter(|route| !kept.contains(&route.key())) {
            metrics.retire(gone);
        }
    }

    /// What counts the requests of each route.
    fn metrics(&self) -> impl Iterator<Item = &RouteMetrics> {
        self.served.iter().flat_map(|served| {
            let legacy = served.moving.as_ref().map(|moving| &moving.legacy);
            std::iter::once(&served.metrics).chain(legacy)
        })
    }

    /// For a request that is refused before it is routed.
    pub(in crate::gateway) fn refused(&self, refusal: Refusal) -> Found<'_> {
        Found::unrouted(Destination::Nowhere(refusal), &self.unrouted_metrics)
    }

    /// For a request that asks what became of another.
    pub(in crate::gateway) fn of_operation(&self, id: Option<CorrelationId>) -> Found<'_> {
        let metrics = self.operation_metrics.as_ref();
        Found {
            cors: self.cors.as_deref(),
            ..Found::unrouted(
                Destination::Operation(id),
                metrics.unwrap_or(&self.unrouted_metrics),
            )
        }
    }

    /// Who may use the route with this label, where not anybody may, and what it changes
    /// of its answers; `None` where there is no such route.
    pub(in crate::gateway) fn labelled(
        &self,
        label: &str,
    ) -> Option<(Option<&auth::Guard>, &HeaderChanges)> {
        let mut served = self.table.routes().iter().zip(&self.served);
        let (route, served) = served.find(|(_, served)| **served.metrics.name() == *label)?;
        let changes = &route.rewriting.response_headers;
        Some((served.callers.as_ref(), changes))
    }

    /// To the legacy upstream where there is one.
    fn unrouted(&self, refusal: impl FnOnce() -> Refusal) -> Found<'_> {
        let found = match &self.legacy {
            Some(proxy) => {
                let timeout = self.timeout;
                Found {
                    callers: self.unrouted_callers.as_ref(),
                    ..Found::unrouted(Destination::Legacy { proxy, timeout }, &self.legacy_metrics)
                }
            }
            None => self.refused(refusal()),
        };
        Found {
            cors: self.cors.as_deref(),
            ..found
        }
    }

    /// Answers what a browser asks before a page of another origin may, where its route
    /// says anything about that.
    fn preflight(&self, head: &request::Parts) -> Option<Found<'_>> {
        let method = cors::asked_for(head)?;
        let (cors, metrics) = match self.table.find(&method, &spelling::usual(head.uri.path())) {
            Lookup::Found { index, .. } => {
                let served = &self.served[index];
                (served.cors.as_ref(), &served.metrics)
            }
            _ => (self.cors.as_ref(), &self.unrouted_metrics),
        };
        let answer = Box::new(cors?.preflight(head));
        Some(Found::unrouted(Destination::Here(answer), metrics))
    }

    /// Adds the headers that every answer has, but where it has its own.
    pub(in crate::gateway) fn secure(&self, answer: &mut HeaderMap) {
        for (name, value) in &self.security {
            answer.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// The routes that cannot be served.
fn faults(config: &Config, table: &RouteTable) -> Vec<RouteFault> {
    let routes = || (0..).zip(table.routes());
    let stranded = routes()
        .filter(|(_, route)| config.legacy.is_none() && needs_legacy(route))
        .map(|(index, route)| RouteFault {
            route: index,
            earlier: None,
            what: format!("path {:?} goes to a legacy upstream", route.path),
            mend: "say where that is".to_owned(),
        });
    let unguarded = routes().filter_map(|(index, route)| {
        let fault = breaker::fault(config, route)?;
        Some(RouteFault {
            route: index,
            earlier: None,
            what: format!("path {:?} cannot have its breaker", route.path),
            mend: fault.to_string(),
        })
    });
    let parts = part_faults(table, config.legacy.is_some());
    stranded.chain(unguarded).chain(parts).collect()
}

fn needs_legacy(route: &Route) -> bool {
    route.target == Target::Legacy || route.migration.is_some()
}
