//! What a request must pass before it goes anywhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, request};
use ipc_core::envelope::Problem;

use super::answer::Refusal;
use crate::auth::Principal;
use crate::config::{Config, Proxies, Route, RouteLimits, ServiceMode, Target};
use crate::limits::bulkhead::{Bulkhead, Place};
use crate::limits::client::client;
use crate::limits::metrics::LimitMetrics;
use crate::limits::rate::{self, Cells, Counts, RateLimits, Sender, SharedCounts, Table, TooMany};
use crate::limits::service::{Busy, Passing, Service};
use crate::peer::Peer;

/// What every request must pass.
#[derive(Debug)]
pub(super) struct Entries {
    proxies: Proxies,
    /// What all requests are counted by.
    rate: Option<Arc<RateLimits>>,
    counts: Counts,
    services: HashMap<Arc<str>, Arc<Service>>,
    metrics: LimitMetrics,
}

/// What the requests of one route must pass beside.
#[derive(Debug)]
pub(super) struct RouteEntry {
    /// What its requests are counted by, what all are counted by among it.
    rate: Option<Arc<RateLimits>>,
    bulkhead: Option<Arc<Bulkhead>>,
    service: Option<Arc<Service>>,
    metrics: LimitMetrics,
    label: Arc<str>,
}

/// What a client is told of rates: the policy, and what is left.
type Told = (HeaderValue, HeaderValue);

/// A request that has passed.
#[derive(Debug)]
pub(super) struct Entered {
    told: Option<Told>,
    /// Its place among those of its route, where they are bounded.
    place: Option<Place>,
}

impl Entries {
    /// Those of `config`, which go on with what `earlier` has counted.
    pub(super) fn new(config: &Config, metrics: &LimitMetrics, earlier: Option<&Self>) -> Self {
        let counts = counts(config, metrics, earlier);
        let counted = earlier.and_then(|earlier| earlier.rate.as_deref());
        let table = Table {
            prefix: "gateway",
            of: "",
        };
        Self {
            proxies: config.proxies.clone(),
            rate: RateLimits::new(&table, &config.limits.rate, &counts, None, counted)
                .map(Arc::new),
            counts,
            services: services(config, metrics, earlier),
            metrics: metrics.clone(),
        }
    }

    /// That of a route, which goes on with what `earlier` has counted.
    pub(super) fn of_route(&self, route: &Route, earlier: Option<&RouteEntry>) -> RouteEntry {
        let RouteLimits { rate, in_flight } = &route.limits;
        let counted = earlier.and_then(|earlier| earlier.rate.as_deref());
        let held = earlier.and_then(|earlier| earlier.bulkhead.as_ref());
        let label = route.label();
        let table = Table {
            prefix: "route",
            of: &label,
        };
        RouteEntry {
            rate: match rate.all().next() {
                None => self.rate.clone(),
                Some(_) => {
                    let of_all = self.rate.as_deref();
                    RateLimits::new(&table, rate, &self.counts, of_all, counted).map(Arc::new)
                }
            },
            bulkhead: in_flight.map(|bound| match held {
                Some(held) if held.is(bound) => Arc::clone(held),
                _ => Arc::new(Bulkhead::new(bound)),
            }),
            service: match &route.target {
                Target::Service { service, .. } => self.services.get(service).cloned(),
                Target::Aggregate(_) | Target::Legacy => None,
            },
            metrics: self.metrics.clone(),
            label: label.into(),
        }
    }

    /// Lets a request pass, to its `route` where it has one, or says what it is over.
    ///
    /// # Cancel safety
    ///
    /// What was counted stays counted.
    pub(super) async fn enter(
        &self,
        route: Option<&RouteEntry>,
        label: &Arc<str>,
        head: &request::Parts,
        peer: &Peer,
    ) -> Result<Entered, Refusal> {
        let mut entered = Entered {
            told: self.count(route, label, head, peer).await?,
            place: None,
        };
        if let Some(bulkhead) = route.and_then(|route| route.bulkhead.as_ref()) {
            entered.place = bulkhead.enter().await;
            if entered.place.is_none() {
                self.metrics.limited(label, "in-flight");
                return Err(route_full());
            }
        }
        Ok(entered)
    }

    /// Counts a request by the rates that hold for it; what its client is told of them.
    async fn count(
        &self,
        route: Option<&RouteEntry>,
        label: &Arc<str>,
        head: &request::Parts,
        peer: &Peer,
    ) -> Result<Option<Told>, Refusal> {
        let rate = route.map_or(&self.rate, |route| &route.rate);
        let Some(rate) = rate else {
            return Ok(None);
        };
        let sender = Sender {
            address: client(peer.address.ip(), &head.headers, &self.proxies).into(),
            principal: head.extensions.get::<Principal>(),
        };
        match rate.count(sender).await {
            Ok(left) => Ok(left.map(|left| (rate.policy().clone(), left))),
            Err(too_many) => {
                self.metrics.limited(label, too_many.limit);
                Err(over_rate(rate, too_many))
            }
        }
    }
}

impl RouteEntry {
    /// How its route is called.
    pub(super) fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// Lets a request pass to the route's service, or says that it has more than it can
    /// take.
    pub(super) fn to_service(
        &self,
        mode: ServiceMode,
        timeout: Duration,
    ) -> Result<Option<Passing>, Refusal> {
        let Some(service) = &self.service else {
            return Ok(None);
        };
        service.enter(mode, timeout).map(Some).map_err(|busy| {
            let limit = match busy {
                Busy::Full { .. } => "concurrency",
                Busy::Queue { .. } => "queue",
            };
            self.metrics.limited(&self.label, limit);
            service_busy(busy)
        })
    }
}

impl Entered {
    /// Tells the client of a request that has passed, and hands out its place.
    pub(super) fn tell(self, headers: &mut HeaderMap) -> Option<Place> {
        if let Some((policy, left)) = self.told {
            rate::tell(headers, policy, left);
        }
        self.place
    }
}

/// Where requests are counted: where they were before, unless that has changed.
fn counts(config: &Config, metrics: &LimitMetrics, earlier: Option<&Entries>) -> Counts {
    let before = earlier.map(|earlier| &earlier.counts);
    let shared = before.and_then(|before| before.shared.as_ref());
    Counts {
        cells: before.map_or_else(Cells::new, |before| before.cells.clone()),
        shared: config.shared_rates.as_ref().map(|settings| match shared {
            Some(shared) if shared.are(settings) => Arc::clone(shared),
            _ => SharedCounts::new(settings, &config.fleet, metrics),
        }),
    }
}

/// The services that routes go to, which go on with what is known of them.
fn services(
    config: &Config,
    metrics: &LimitMetrics,
    earlier: Option<&Entries>,
) -> HashMap<Arc<str>, Arc<Service>> {
    let mut services = HashMap::new();
    for route in &config.routes {
        if let Target::Service { service, .. } = &route.target {
            services.entry(Arc::clone(service)).or_insert_with(|| {
                let known = earlier.and_then(|earlier| earlier.services.get(service));
                let known = known.map(|known| &**known);
                Arc::new(Service::new(service, &config.limits, metrics, known))
            });
        }
    }
    services
}

fn route_full() -> Refusal {
    let problem = Problem::new(
        "route-busy",
        "the route has as many requests as it takes",
        503,
    )
    .with_detail("nothing was sent: the request can be repeated safely");
    Refusal::from(problem).retry_after(Duration::from_secs(1))
}

fn service_busy(busy: Busy) -> Refusal {
    let detail = match busy {
        Busy::Full { .. } => "it has as many requests as it has room for".to_owned(),
        Busy::Queue { wait, bearable } => format!(
            "the request would wait {} ms, and has {} ms for that",
            wait.as_millis(),
            bearable.as_millis()
        ),
    };
    let problem = Problem::new("service-busy", "the service has more than it can take", 503)
        .with_detail(format!("{detail}; nothing was sent"));
    Refusal::unsent(problem, busy.retry_after())
}

fn over_rate(rate: &RateLimits, too_many: TooMany<'_>) -> Refusal {
    let TooMany { limit, wait, told } = too_many;
    let problem = Problem::new("rate-limited", "there are too many requests", 429).with_detail(
        format!("the limit is {limit}, which ratelimit-policy tells"),
    );
    Refusal::from(problem)
        .retry_after(wait)
        .with_header(rate::POLICY, rate.policy().clone())
        .with_header(rate::LEFT, told)
}
