//! A snapshot of what is known, and what follows from it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Role, Verdict};

/// How long the main runtime or a poll loop may stand still before the process
/// has to be restarted.
pub(super) const DEAD: Duration = Duration::from_secs(10);
/// How long they may stand still before nothing is sent here any more.
pub(super) const STALLED: Duration = Duration::from_secs(4);
/// How long a broker may be away before that counts: a leader election or a
/// reconnect must not turn a fleet unready.
pub(super) const AWAY: Duration = Duration::from_secs(3);

/// What a process knew of itself at one point in time.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What start-up is at; `None` when it is finished.
    pub(super) step: Option<Cow<'static, str>>,
    pub(super) draining: bool,
    /// `None` until the first beat: nobody has promised one yet.
    pub(super) runtime_turned: Option<Instant>,
    pub(super) consumers: Vec<Consumer>,
    pub(super) inboxes: Vec<Inbox>,
    /// Why each dedup store that is away cannot be asked.
    pub(super) stores: Vec<Arc<str>>,
    /// What its relay finds wrong with the outbox.
    pub(super) outbox: Vec<String>,
    /// Why the newest configuration is not the one in use.
    pub(super) configuration: Option<String>,
    pub(super) served_locally: Vec<Arc<str>>,
    /// Handlers beyond their deadline plus its grace, by endpoint.
    pub(super) overdue: BTreeMap<Arc<str>, Overdue>,
}

/// One consumer.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    pub(super) topics: Arc<str>,
    pub(super) polled: Instant,
    /// Since when its broker is away, and why.
    pub(super) away: Option<(Instant, Cow<'static, str>)>,
    /// `None` before the first assignment.
    pub(super) assigned: Option<usize>,
    /// Partitions that are not fetched, each with every reason there is.
    pub(super) paused: BTreeSet<(Arc<str>, i32, &'static str)>,
    /// What is not consumed although it is there, and why.
    pub(super) stopped: BTreeMap<u64, Arc<str>>,
}

/// One reply inbox.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    pub(super) topic: Arc<str>,
    pub(super) role: Role,
    /// Why it is not ready.
    pub(super) fault: Option<Cow<'static, str>>,
}

/// Handlers of one endpoint that should have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overdue {
    pub(super) handlers: usize,
    /// How far the worst is past its deadline.
    pub(super) by: Duration,
}

impl Facts {
    /// Whether the process works at all. When it does not, only a restart helps.
    #[must_use]
    pub fn liveness(&self, now: Instant) -> Verdict {
        let mut verdict = Verdict::default();
        if let Some(still) = self.runtime_still(now, DEAD) {
            verdict.fail(still);
        }
        for consumer in &self.consumers {
            if let Some(still) = consumer.still(now, DEAD) {
                verdict.fail(still);
            }
        }
        for (endpoint, Overdue { handlers, by }) in &self.overdue {
            verdict.fail(format!(
                "handlers of {endpoint} past their deadline: {handlers}, by up to {}",
                seconds(*by)
            ));
        }
        verdict
    }

    /// Whether anything the process serves can be served.
    #[must_use]
    pub fn readiness(&self, now: Instant) -> Verdict {
        let mut verdict = self.startup();
        if self.draining {
            verdict.fail("draining");
        }
        if let Some(still) = self.runtime_still(now, STALLED) {
            verdict.fail(still);
        }
        let faults = self.faults(now);
        if self.serves_nothing(now) {
            faults.into_iter().for_each(|fault| verdict.fail(fault));
        } else {
            faults.into_iter().for_each(|fault| verdict.warn(fault));
        }
        for consumer in &self.consumers {
            consumer.warnings().for_each(|text| verdict.warn(text));
        }
        for reason in &self.stores {
            verdict.warn(reason.to_string());
        }
        for warning in self.outbox.iter().chain(&self.configuration) {
            verdict.warn(warning.clone());
        }
        verdict
    }

    /// Whether start-up is finished.
    #[must_use]
    pub fn startup(&self) -> Verdict {
        let mut verdict = Verdict::default();
        if let Some(step) = &self.step {
            verdict.fail(format!("starting: {step}"));
        }
        verdict
    }

    /// Whether there is something to serve and none of it can be.
    fn serves_nothing(&self, now: Instant) -> bool {
        let consumers = self
            .consumers
            .iter()
            .map(|consumer| consumer.fault(now).is_some());
        let inboxes = self
            .inboxes
            .iter()
            .filter(|inbox| inbox.role == Role::Serves)
            .map(|inbox| inbox.fault.is_some());
        let mut parts = consumers.chain(inboxes).peekable();
        self.served_locally.is_empty() && parts.peek().is_some() && parts.all(|faulty| faulty)
    }

    fn faults(&self, now: Instant) -> Vec<String> {
        let consumers = self
            .consumers
            .iter()
            .filter_map(|consumer| consumer.fault(now));
        let inboxes = self.inboxes.iter().filter_map(|inbox| {
            let fault = inbox.fault.as_ref()?;
            Some(format!("reply inbox {}: {fault}", inbox.topic))
        });
        consumers.chain(inboxes).collect()
    }

    fn runtime_still(&self, now: Instant, bound: Duration) -> Option<String> {
        let still = now.saturating_duration_since(self.runtime_turned?);
        (still > bound).then(|| format!("the main runtime has stood still for {}", seconds(still)))
    }
}

impl Consumer {
    fn still(&self, now: Instant, bound: Duration) -> Option<String> {
        let still = now.saturating_duration_since(self.polled);
        (still > bound).then(|| {
            format!(
                "consumer of {}: its poll loop has stood still for {}",
                self.topics,
                seconds(still)
            )
        })
    }

    /// Why it cannot serve.
    fn fault(&self, now: Instant) -> Option<String> {
        self.still(now, STALLED).or_else(|| {
            let (since, reason) = self.away.as_ref()?;
            let away = now.saturating_duration_since(*since);
            (away > AWAY).then(|| {
                format!(
                    "consumer of {}: no broker for {}: {reason}",
                    self.topics,
                    seconds(away)
                )
            })
        })
    }

    fn warnings(&self) -> impl Iterator<Item = String> {
        let idle = (self.assigned == Some(0)).then(|| {
            format!(
                "consumer of {}: no partition assigned: more instances than partitions",
                self.topics
            )
        });
        let stopped = self.stopped.values().map(|text| text.to_string());
        let paused = self
            .paused
            .iter()
            .map(|(topic, partition, reason)| format!("{topic}[{partition}] is paused: {reason}"));
        idle.into_iter().chain(stopped).chain(paused)
    }
}

/// Whole seconds: what a person compares with a bound.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
