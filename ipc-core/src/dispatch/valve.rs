//! Stops consumption, of everything or of single endpoints.
//!
//! Whoever has a reason shuts it and opens it again; what several have shut is open
//! once each has opened it. A record that comes to it while it is shut waits in its
//! lane, without a permit. What runs by then goes on to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::delivery::Refusal;
use super::job::Job;
use super::{Idempotency, Record};
use crate::health::StoppedConsumption;
use crate::metrics::Held;

/// Who shuts the valve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Cause {
    /// Somebody who looks after the service.
    Operator,
    /// The dedup store is away, and with it what tells whether a record was handled.
    Store,
}

/// What is stopped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Scope {
    /// Everything: nothing more is fetched.
    Service,
    /// One endpoint, by its policy's name: its records wait, the others go on until
    /// their partition's window is full.
    Endpoint(Arc<str>),
}

/// One turn of the valve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    pub(crate) scope: Scope,
    pub(crate) cause: Cause,
    /// Why it is shut, fit to be shown; `None` opens it.
    pub(crate) shut: Option<Arc<str>>,
}

/// Tells the world outside that something is stopped.
#[derive(Debug)]
pub(super) struct Shut {
    #[expect(dead_code, reason = "the readiness body says so until it is dropped")]
    pub(super) told: StoppedConsumption,
    #[expect(dead_code, reason = "the gauge is up until it is dropped")]
    pub(super) measured: Held,
}

/// Who has shut what, and the records that wait for it.
#[derive(Debug, Default)]
pub(super) struct Valve {
    service: BTreeMap<Cause, Shut>,
    endpoints: BTreeMap<Arc<str>, BTreeMap<Cause, Shut>>,
    /// In the order in which they came.
    held: BTreeMap<u64, Job>,
    came: u64,
}

impl Cause {
    /// Its name in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Store => "store",
        }
    }

    /// Whether this record has to wait for it.
    fn concerns(self, record: &Record) -> bool {
        match self {
            Self::Operator => true,
            Self::Store => match record.policy.idempotency {
                Idempotency::Off => false,
                Idempotency::Derived => true,
                // One without a key asks the store nothing.
                Idempotency::Optional | Idempotency::Required => {
                    record.head.idempotency_key.is_some()
                }
            },
        }
    }
}

impl Scope {
    /// The endpoint it is; empty where it is all of them.
    pub(crate) fn endpoint(&self) -> &str {
        match self {
            Self::Service => "",
            Self::Endpoint(name) => name,
        }
    }
}

impl Valve {
    /// Shuts `scope` for `cause`, for as long as `shut` is kept.
    pub(super) fn shut(&mut self, scope: Scope, cause: Cause, shut: Shut) {
        match scope {
            Scope::Service => self.service.insert(cause, shut),
            Scope::Endpoint(name) => self.endpoints.entry(name).or_default().insert(cause, shut),
        };
    }

    /// Takes back what `cause` has shut. Answers the records that may go on, the
    /// oldest first.
    pub(super) fn open(&mut self, scope: &Scope, cause: Cause) -> Vec<Job> {
        match scope {
            Scope::Service => {
                self.service.remove(&cause);
            }
            Scope::Endpoint(name) => {
                if let Some(causes) = self.endpoints.get_mut(name) {
                    causes.remove(&cause);
                    if causes.is_empty() {
                        self.endpoints.remove(name);
                    }
                }
            }
        }
        self.release(|valve, job| valve.stops(&job.record).is_none())
    }

    /// Whether nothing at all may be consumed.
    pub(super) fn stops_everything(&self) -> bool {
        !self.service.is_empty()
    }

    /// What this record has to wait for.
    #[inline]
    pub(super) fn stops(&self, record: &Record) -> Option<Cause> {
        if self.service.is_empty() && self.endpoints.is_empty() {
            return None;
        }
        self.cause(record)
    }

    fn cause(&self, record: &Record) -> Option<Cause> {
        // It has waited for as long as it may: it goes to be answered.
        if let Some(Refusal::Stopped(_)) = record.refusal {
            return None;
        }
        let of_endpoint = self.endpoints.get(&record.policy.name);
        let causes = of_endpoint.into_iter().chain([&self.service]);
        causes
            .flat_map(BTreeMap::keys)
            .copied()
            .find(|cause| cause.concerns(record))
    }

    /// Keeps a record. The number finds it again.
    pub(super) fn hold(&mut self, job: Job) -> u64 {
        self.came += 1;
        self.held.insert(self.came, job);
        self.came
    }

    /// A record that can wait no longer goes to be told what it has waited for.
    pub(super) fn give_up(&mut self, number: u64) -> Option<Job> {
        let mut job = self.held.remove(&number)?;
        if let Some(cause) = self.stops(&job.record) {
            Arc::make_mut(&mut job.record).refusal = Some(Refusal::Stopped(cause));
        }
        Some(job)
    }

    /// Lets go of records that are another instance's now.
    pub(super) fn forget(&mut self, mut gone: impl FnMut(&Job) -> bool) {
        self.held.retain(|_, job| !gone(job));
    }

    fn release(&mut self, may: impl Fn(&Self, &Job) -> bool) -> Vec<Job> {
        let held = std::mem::take(&mut self.held);
        let (free, held) = held.into_iter().partition(|(_, job)| may(self, job));
        self.held = held;
        let free: BTreeMap<u64, Job> = free;
        free.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::dispatch::Policy;
    use crate::health::Health;
    use crate::metrics::Metrics;

    fn shut() -> Shut {
        Shut {
            told: Health::new().consumer("orders", Instant::now()).stopped(""),
            measured: Metrics::new().dispatch().stopped("", ""),
        }
    }

    fn job(endpoint: &str, idempotency: Idempotency, key: Option<&str>) -> Job {
        let mut record = Record::blank();
        let mut policy = Policy::new(endpoint);
        policy.idempotency = idempotency;
        record.policy = Arc::new(policy);
        record.head.idempotency_key = key.map(Into::into);
        Job::new(Arc::new(record))
    }

    fn plain(endpoint: &str) -> Job {
        job(endpoint, Idempotency::Off, None)
    }

    #[test]
    fn what_two_have_shut_is_open_once_both_have_opened_it() {
        let mut valve = Valve::default();
        let endpoint = Scope::Endpoint("GET /a".into());
        valve.shut(Scope::Service, Cause::Operator, shut());
        valve.shut(endpoint.clone(), Cause::Operator, shut());
        valve.hold(plain("GET /a"));
        valve.hold(plain("GET /b"));
        assert!(valve.stops_everything());

        let free = valve.open(&Scope::Service, Cause::Operator);
        let free: Vec<_> = free.iter().map(|job| &*job.record.policy.name).collect();
        assert_eq!(free, ["GET /b"]);
        assert!(!valve.stops_everything());
        assert_eq!(valve.open(&endpoint, Cause::Store).len(), 0);
        assert_eq!(valve.open(&endpoint, Cause::Operator).len(), 1);
        assert_eq!(valve.stops(&plain("GET /a").record), None);
    }

    #[test]
    fn for_the_store_only_those_wait_that_ask_it() {
        use Idempotency::{Derived, Off, Optional, Required};

        let mut valve = Valve::default();
        valve.shut(Scope::Service, Cause::Store, shut());
        for (idempotency, key, waits) in [
            (Off, Some("k"), false),
            (Optional, None, false),
            (Optional, Some("k"), true),
            (Required, None, false),
            (Required, Some("k"), true),
            (Derived, None, true),
        ] {
            let job = job("POST /a", idempotency, key);
            let stops = valve.stops(&job.record).is_some();
            assert_eq!(stops, waits, "{idempotency:?} {key:?}");
        }
    }

    #[test]
    fn one_that_can_wait_no_longer_passes_to_be_told_why() {
        let mut valve = Valve::default();
        valve.shut(Scope::Service, Cause::Operator, shut());
        let number = valve.hold(plain("GET /a"));
        let job = valve.give_up(number).unwrap();
        assert_eq!(job.record.refusal, Some(Refusal::Stopped(Cause::Operator)));
        assert_eq!(valve.stops(&job.record), None);
        assert!(valve.give_up(number).is_none());
    }

    #[test]
    fn what_was_held_goes_on_in_its_order() {
        let mut valve = Valve::default();
        valve.shut(Scope::Service, Cause::Operator, shut());
        let names = ["GET /c", "GET /a", "GET /b"];
        for name in names {
            valve.hold(plain(name));
        }
        let free = valve.open(&Scope::Service, Cause::Operator);
        let free: Vec<_> = free.iter().map(|job| &*job.record.policy.name).collect();
        assert_eq!(free, names);
    }
}
