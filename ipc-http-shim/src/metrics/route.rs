//! What is counted and timed of one route.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::spent::Spent;

/// Upper bounds in seconds.
const DURATIONS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// Where requests go, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(crate) enum Mode {
    /// To a service, for one reply.
    call,
    /// To a service, for none.
    one_way,
    /// To a service, for one that is asked for later.
    accepted,
    /// To a service, for many.
    stream,
    /// To a service, for as many as come, and more to it.
    websocket,
    /// To several other routes.
    aggregate,
    /// To the legacy upstream.
    legacy,
    /// Nowhere: the gateway answers itself.
    none,
}

/// Where the time of a request went, as a label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
enum Phase {
    /// In the gateway, before it was sent on.
    admission,
    /// In the service, before its handler began.
    queue,
    /// In the service's handler.
    handler,
    /// To the service and back.
    reply,
    /// At the legacy upstream.
    legacy,
}

const PHASES: usize = 5;

/// The ends of a request, as a label: the class of its status, or `cancelled` where the
/// client left before there was any.
const ENDS: [&str; 7] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other", "cancelled"];
const OTHER: usize = 5;
const CANCELLED: usize = 6;

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct EndLabels {
    route: Arc<str>,
    mode: Mode,
    status: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RouteLabels {
    route: Arc<str>,
    mode: Mode,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct PhaseLabels {
    route: Arc<str>,
    mode: Mode,
    phase: Phase,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

fn durations<L: Clone + std::hash::Hash + Eq>() -> Durations<L> {
    Family::new_with_constructor((|| Histogram::new(DURATIONS)) as fn() -> Histogram)
}

/// What is counted and timed of every route.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    requests: Family<EndLabels, Counter>,
    durations: Durations<RouteLabels>,
    phases: Durations<PhaseLabels>,
    in_flight: Family<RouteLabels, Gauge>,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: durations(),
            phases: durations(),
            in_flight: Family::default(),
        }
    }
}

impl Routes {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "requests",
            "Requests answered, or left by their client",
            Family::clone(&self.requests),
        );
        registry.register_with_unit(
            "request_duration",
            "From a request's head to its answer's head",
            Unit::Seconds,
            Family::clone(&self.durations),
        );
        registry.register_with_unit(
            "request_phase_duration",
            "Where the time to an answer's head went",
            Unit::Seconds,
            Family::clone(&self.phases),
        );
        registry.register(
            "requests_in_flight",
            "Requests whose answer is not yet sent to its end",
            Family::clone(&self.in_flight),
        );
    }

    pub(crate) fn of(&self, route: Arc<str>, mode: Mode) -> RouteMetrics {
        let labels = RouteLabels { route, mode };
        RouteMetrics(Arc::new(Of {
            duration: self.durations.get_or_create_owned(&labels),
            in_flight: self.in_flight.get_or_create_owned(&labels),
            ends: Default::default(),
            phases: Default::default(),
            families: self.clone(),
            labels,
            retired: AtomicBool::new(false),
        }))
    }

    pub(crate) fn retire(&self, route: &RouteMetrics) {
        // What is still under way must not bring them back.
        route.0.retired.store(true, Ordering::Relaxed);
        let RouteLabels { route, mode } = &route.0.labels;
        for status in ENDS {
            self.requests.remove(&EndLabels {
                route: Arc::clone(route),
                mode: *mode,
                status,
            });
        }
        for phase in [
            Phase::admission,
            Phase::queue,
            Phase::handler,
            Phase::reply,
            Phase::legacy,
        ] {
            self.phases.remove(&PhaseLabels {
                route: Arc::clone(route),
                mode: *mode,
                phase,
            });
        }
        let labels = RouteLabels {
            route: Arc::clone(route),
            mode: *mode,
        };
        self.durations.remove(&labels);
        self.in_flight.remove(&labels);
    }
}

/// The metrics of one route. Clones count the same.
#[derive(Clone, Debug)]
pub(crate) struct RouteMetrics(Arc<Of>);

#[derive(Debug)]
struct Of {
    labels: RouteLabels,
    duration: Histogram,
    in_flight: Gauge,
    /// Those that have been seen.
    ends: [OnceLock<Counter>; ENDS.len()],
    /// Those that have been touched.
    phases: [OnceLock<Histogram>; PHASES],
    families: Routes,
    /// Whether the route is served no more.
    retired: AtomicBool,
}

impl RouteMetrics {
    /// The route.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.labels.route
    }

    /// Where it leads.
    pub(crate) fn mode(&self) -> &'static str {
        match self.0.labels.mode {
            Mode::call => "call",
            Mode::one_way => "one_way",
            Mode::accepted => "accepted",
            Mode::stream => "stream",
            Mode::websocket => "websocket",
            Mode::aggregate => "aggregate",
            Mode::legacy => "legacy",
            Mode::none => "none",
        }
    }

    /// What tells it from others.
    pub(crate) fn key(&self) -> (&str, &'static str) {
        (self.name(), self.mode())
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn begin(&self) -> InFlight {
        self.0.in_flight.inc();
        InFlight {
            route: self.clone(),
            answered: false,
        }
    }

    /// Counts the one of [`ENDS`] that has this place.
    fn count(&self, end: usize) {
        if self.0.retired.load(Ordering::Relaxed) {
            return;
        }
        let Of {
            labels, families, ..
        } = &*self.0;
        let counter = self.0.ends[end].get_or_init(|| {
            families.requests.get_or_create_owned(&EndLabels {
                route: Arc::clone(&labels.route),
                mode: labels.mode,
                status: ENDS[end],
            })
        });
        counter.inc();
    }

    fn spent(&self, spent: &Spent) {
        for (phase, spent) in [
            (Phase::admission, Some(spent.admission)),
            (Phase::queue, spent.queue),
            (Phase::handler, spent.handler),
            (Phase::reply, spent.reply()),
            (Phase::legacy, spent.legacy()),
        ] {
            if let Some(spent) = spent {
                self.observe(phase, spent);
            }
        }
    }

    fn observe(&self, phase: Phase, spent: Duration) {
        if self.0.retired.load(Ordering::Relaxed) {
            return;
        }
        let Of {
            labels, families, ..
        } = &*self.0;
        let histogram = self.0.phases[phase as usize].get_or_init(|| {
            families.phases.get_or_create_owned(&PhaseLabels {
                route: Arc::clone(&labels.route),
                mode: labels.mode,
                phase,
            })
        });
        histogram.observe(spent.as_secs_f64());
    }
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    route: RouteMetrics,
    answered: bool,
}

impl InFlight {
    /// Counts the answer after `total`, and where that time went; its body may still be on
    /// its way.
    pub(crate) fn answered(&mut self, status: StatusCode, total: Duration, spent: &Spent) {
        self.answered = true;
        self.route.0.duration.observe(total.as_secs_f64());
        self.route.spent(spent);
        self.route.count(class(status));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.route.0.in_flight.dec();
        if !self.answered {
            self.route.count(CANCELLED);
        }
    }
}

/// The place of its class in [`ENDS`].
fn class(status: StatusCode) -> usize {
    match status.as_u16() / 100 {
        class @ 1..=5 => usize::from(class) - 1,
        _ => OTHER,
    }
}
