//! Where a request goes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, request};
use ipc_core::envelope::principal::Sign;
use ipc_core::envelope::{CorrelationId, Problem};
use matchit::Params;

use super::answer::Refusal;
use super::cors::{self, Cors};
use super::entry::{Entries, RouteEntry};
use super::fallback::Fallback;
use super::handshake::Handshake;
use super::key::record_key;
use super::legacy::LegacyProxy;
use super::moving::{InMotion, Moving, Routed, Side};
use super::pace::Pace;
use super::rewriting::Changes;
use super::socket::ToSocket;
use crate::auth::{self, Access, Principal};
use crate::breaker::{self, Backend, Guard, Guards};
use crate::config::{Config, HeaderChanges, Route, RouteCors, ServiceMode, Target};
use crate::metrics::{Metrics, Mode, RouteMetrics};
use crate::migration::route::MovingRoute;
use crate::peer::Peer;
use crate::routes::{Lookup, RouteFault, RouteTable};
use crate::spelling;
use crate::tls::ClientTls;

/// Every place a request can go, ready to be chosen from.
#[derive(Debug)]
pub(super) struct Destinations {
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

/// What counts the requests of one route, and who may send them.
#[derive(Debug)]
struct Served {
    metrics: RouteMetrics,
    /// The breaker before its service.
    guard: Option<Arc<Guard>>,
    /// Who may send them, where not anybody may.
    callers: Option<auth::Guard>,
    /// What browsers are told of it.
    cors: Option<Arc<Cors>>,
    entry: Arc<RouteEntry>,
    /// Where the route moves.
    moving: Option<InMotion>,
}

/// Where one request goes.
#[derive(Debug)]
pub(super) enum Destination<'d> {
    /// With the breaker before it, where there is one.
    Service(ToService, Option<&'d Guard>),
    Legacy {
        proxy: &'d LegacyProxy,
        timeout: Duration,
    },
    Moving(Box<Moving<'d>>),
    /// It is asked what became of an operation; `None` where it can be none.
    Operation(Option<CorrelationId>),
    /// The gateway answers itself.
    Nowhere(Refusal),
    /// It has answered already, what is for itself alone.
    Here(Box<Response<Body>>),
}

/// What was found for one request.
#[derive(Debug)]
pub(super) struct Found<'d> {
    pub(super) destination: Destination<'d>,
    /// What counts it.
    pub(super) metrics: &'d RouteMetrics,
    /// Who may send it, where not anybody may.
    pub(super) callers: Option<&'d auth::Guard>,
    /// What browsers are told of its answer.
    pub(super) cors: Option<&'d Cors>,
    /// What it must pass first, where it has a route.
    pub(super) entry: Option<&'d RouteEntry>,
    /// What its route changes, where it has one.
    pub(super) changes: Option<Changes<'d>>,
}

impl Found<'_> {
    /// Whether it is a service that WebSockets are spoken with.
    pub(super) fn is_socket(&self) -> bool {
        let to = match &self.destination {
            Destination::Service(to, _) => to,
            Destination::Moving(moving) if moving.side == Side::Kafka => &moving.to,
            _ => return false,
        };
        to.mode == ServiceMode::WebSocket
    }

    /// For a request that asks for a WebSocket there, or for something else.
    pub(super) fn of_socket(mut self, head: &mut request::Parts) -> Self {
        match Handshake::of(head, self.cors) {
            Ok(handshake) => drop(head.extensions.insert(handshake)),
            Err(refusal) => self.destination = Destination::Nowhere(refusal),
        }
        self
    }

    /// For a request that only the legacy upstream can answer; `refusal` where it would
    /// go elsewhere.
    pub(super) fn of_legacy(mut self, refusal: Refusal) -> Self {
        match &mut self.destination {
            Destination::Legacy { .. } => {}
            Destination::Moving(moving) if moving.side != Side::Kafka => moving.uncopied(),
            destination => *destination = Destination::Nowhere(refusal),
        }
        self
    }
}

/// How a service is asked.
#[derive(Clone, Debug)]
pub(super) struct ToService {
    pub(super) service: Arc<str>,
    pub(super) mode: ServiceMode,
    pub(super) key: Option<Bytes>,
    pub(super) timeout: Duration,
    /// How long it may take over what is answered later.
    pub(super) within: Duration,
    /// Whether a client may say how long it waits.
    pub(super) prefer: bool,
    /// Whether what it answers too late can be asked for.
    pub(super) late_replies: bool,
    /// How long its stream waits for a client that comes back, where it does.
    pub(super) resume: Option<Duration>,
    /// Whether its answers may be given again.
    pub(super) cache: bool,
    /// How a WebSocket is spoken with it, where one is.
    pub(super) socket: Option<Box<ToSocket>>,
    /// What it must pass on its way.
    pub(super) entry: Arc<RouteEntry>,
}

impl Destinations {
    /// Those of `config`, which go on with what `earlier` has: its connections to the
    /// legacy upstream, where that is the same, and its routes that move, wherever they
    /// stand by now.
    pub(super) fn new(
        config: &Config,
        metrics: &Metrics,
        entries: &Entries,
        earlier: Option<&Self>,
    ) -> Result<Self, Vec<RouteFault>> {
        let table = RouteTable::new(config.routes.clone())?;
        let stranded = (0..)
            .zip(table.routes())
            .filter(|(_, route)| config.legacy.is_none() && needs_legacy(route))
            .map(|(index, route)| RouteFault {
                route: index,
                earlier: None,
                what: format!("path {:?} goes to a legacy upstream", route.path),
                mend: "say where that is".to_owned(),
            });
        let unguarded = (0..).zip(table.routes()).filter_map(|(index, route)| {
            let fault = breaker::fault(config, route)?;
            Some(RouteFault {
                route: index,
                earlier: None,
                what: format!("path {:?} cannot have its breaker", route.path),
                mend: fault.to_string(),
            })
        });
        let faults: Vec<RouteFault> = stranded.chain(unguarded).collect();
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
        let guards = Guards::new(config, metrics, earlier.into_iter().flat_map(Self::guards));
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

    /// Whether there is a legacy upstream.
    pub(super) fn has_legacy(&self) -> bool {
        self.legacy.is_some()
    }

    /// Whether they are for the process beside the gateway alone.
    pub(super) fn of_sidecar(&self) -> bool {
        self.sidecar
    }

    /// Where a request with this head goes.
    pub(super) fn find(&self, head: &request::Parts, peer: &Peer) -> Found<'_> {
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
        route: &Route,
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
            (Target::Legacy, Some(proxy)) => Destination::Legacy { proxy, timeout },
            (Target::Legacy, None) => Destination::Nowhere(no_route()),
        }
    }

    /// What tells services that `principal` calls, where they are told.
    pub(super) fn vouching(&self, principal: Option<&Principal>) -> Option<Arc<dyn Sign>> {
        self.access.vouching(principal?)
    }

    /// The routes that move, in the table's order.
    pub(super) fn moving(&self) -> Vec<Arc<MovingRoute>> {
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
    pub(super) fn retire(&self, next: &Self, metrics: &Metrics) {
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
    pub(super) fn refused(&self, refusal: Refusal) -> Found<'_> {
        unrouted(Destination::Nowhere(refusal), &self.unrouted_metrics)
    }

    /// For a request that asks what became of another.
    pub(super) fn of_operation(&self, id: Option<CorrelationId>) -> Found<'_> {
        let metrics = self.operation_metrics.as_ref();
        Found {
            cors: self.cors.as_deref(),
            ..unrouted(
                Destination::Operation(id),
                metrics.unwrap_or(&self.unrouted_metrics),
            )
        }
    }

    /// Who may use the route with this label, where not anybody may, and what it changes
    /// of its answers; `None` where there is no such route.
    pub(super) fn labelled(&self, label: &str) -> Option<(Option<&auth::Guard>, &HeaderChanges)> {
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
                    ..unrouted(Destination::Legacy { proxy, timeout }, &self.legacy_metrics)
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
        Some(unrouted(Destination::Here(answer), metrics))
    }

    /// Adds the headers that every answer has, but where it has its own.
    pub(super) fn secure(&self, answer: &mut HeaderMap) {
        for (name, value) in &self.security {
            answer.entry(name).or_insert_with(|| value.clone());
        }
    }
}

impl Served {
    /// `earlier` has the routes that move already, by name.
    fn new(
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

fn needs_legacy(route: &Route) -> bool {
    route.target == Target::Legacy || route.migration.is_some()
}

fn unrouted<'d>(destination: Destination<'d>, metrics: &'d RouteMetrics) -> Found<'d> {
    Found {
        destination,
        metrics,
        callers: None,
        cors: None,
        entry: None,
        changes: None,
    }
}

fn mode(route: &Route) -> Mode {
    match &route.target {
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
