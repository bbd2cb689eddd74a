//! Whether a service, or who answers for it, is asked at all.

mod metrics;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipc_breaker::{
    Breaker, Change, InvalidSettings, Mode, Outcome, Permit, Refused, Settings, Snapshot,
};
use tokio::time::Instant;

pub(crate) use metrics::BreakerMetrics;

use crate::config::{Config, Route, Target};

/// Whom a breaker stands before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Backend {
    /// The route's service.
    Service,
    /// The legacy upstream, where it answers what the service did not.
    Fallback,
}

impl Backend {
    fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Fallback => "fallback",
        }
    }
}

/// The breaker before one route's service or fallback.
#[derive(Debug)]
pub(crate) struct Guard {
    route: Arc<str>,
    service: Arc<str>,
    backend: Backend,
    settings: Settings,
    /// Made with the first request: most routes of many are idle.
    breaker: OnceLock<Option<Breaker>>,
    /// What its times count from, by tokio's clock, which tests can stop.
    began: Instant,
}

impl Guard {
    /// Whether a request may be sent; `None` where no breaker could be made.
    pub(crate) fn acquire(&self) -> Result<Option<Permit<'_>>, Refused> {
        let breaker = self.breaker.get_or_init(|| {
            // They were checked with the configuration.
            Breaker::new(self.settings.clone(), seed()).ok()
        });
        let asked = breaker.as_ref().map(|it| it.acquire(self.now()));
        asked.transpose()
    }

    /// Whether it is known without asking that a request may not be sent.
    pub(crate) fn refusal(&self) -> Option<Refused> {
        let breaker = self.breaker.get()?.as_ref()?;
        breaker.refusal(self.now())
    }

    /// Records what became of a request.
    pub(crate) fn record(&self, permit: Permit<'_>, outcome: Outcome) {
        if let Some(change) = permit.record(outcome, self.now()) {
            self.tell(change);
        }
    }

    /// What it has come to, once it was asked.
    fn snapshot(&self) -> Option<Snapshot> {
        Some(self.breaker.get()?.as_ref()?.snapshot())
    }

    fn is_acting(&self) -> bool {
        self.settings.mode == Mode::On
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn tell(&self, change: Change) {
        let (route, backend, acts) = (&*self.route, self.backend.name(), self.is_acting());
        match change {
            Change::Opened { why, wait, .. } => {
                let wait = Duration::from_millis(wait.as_millis().try_into().unwrap_or(u64::MAX));
                tracing::warn!(route, backend, acts, ?wait, %why, "a breaker opened");
            }
            _ => tracing::info!(route, backend, acts, "a breaker closed"),
        }
    }
}

/// Makes the breakers of a configuration, and goes on with those of an earlier one.
pub(crate) struct Guards<'c> {
    config: &'c Config,
    metrics: &'c BreakerMetrics,
    earlier: HashMap<(&'c str, Backend), &'c Arc<Guard>>,
}

impl<'c> Guards<'c> {
    pub(crate) fn new(
        config: &'c Config,
        metrics: &'c BreakerMetrics,
        earlier: impl IntoIterator<Item = &'c Arc<Guard>>,
    ) -> Self {
        let earlier = earlier.into_iter();
        Self {
            config,
            metrics,
            earlier: earlier
                .map(|guard| ((&*guard.route, guard.backend), guard))
                .collect(),
        }
    }

    /// The one before a route's service or fallback, where it is to have one. `label` is
    /// what the route is called.
    pub(crate) fn of(
        &self,
        route: &Route,
        label: &Arc<str>,
        backend: Backend,
    ) -> Option<Arc<Guard>> {
        let Target::Service { service, .. } = &route.target else {
            return None;
        };
        let settings = settings(self.config, route)?;
        let earlier = self.earlier.get(&(&**label, backend));
        if let Some(earlier) = earlier
            && earlier.settings == settings
            && earlier.service == *service
        {
            return Some(Arc::clone(earlier));
        }
        let guard = Arc::new(Guard {
            route: Arc::clone(label),
            service: Arc::clone(service),
            backend,
            settings,
            breaker: OnceLock::new(),
            began: Instant::now(),
        });
        self.metrics.show(&guard);
        Some(guard)
    }
}

/// What makes no sense of what a route and the gateway say of the route's breaker.
pub(crate) fn fault(config: &Config, route: &Route) -> Option<InvalidSettings> {
    settings(config, route)?.check().err()
}

fn settings(config: &Config, route: &Route) -> Option<Settings> {
    let rules = route.breaker.over(&config.breaker);
    rules.settings(route.timeout.unwrap_or(config.timeout))
}

/// Another one for each breaker of each gateway: they must not leave open together.
fn seed() -> u64 {
    RandomState::new().hash_one(())
}
