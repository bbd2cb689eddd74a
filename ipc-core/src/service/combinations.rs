//! What an endpoint may ask for at once: the table of `docs/delivery-semantics.md`.

use std::sync::Arc;

use crate::dispatch::{Guarantee, Idempotency, Mode, Policy, RetryPolicy, RetrySpec};
use crate::store::Dedup;

/// The dedup store a service has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Store {
    None,
    /// It recognises a request wherever that is read.
    Anywhere,
    /// It recognises a request where its partition of the request topic is read.
    BesideRequests,
    /// It recognises a request wherever that is read, and its claim ends with the
    /// handler.
    AroundHandlers,
}

impl Store {
    pub(super) fn of(dedup: Option<&Dedup>) -> Self {
        match dedup {
            None => Self::None,
            Some(dedup) => match dedup.store.topics_beside_requests(dedup.keep) {
                None if !dedup.store.outlasts_handlers() => Self::AroundHandlers,
                None => Self::Anywhere,
                Some(_) => Self::BesideRequests,
            },
        }
    }
}

/// Everything an endpoint asks for that contradicts something else it asks for, or
/// what its service has.
pub(super) fn faults(policy: &Policy, store: Store) -> Vec<String> {
    let mut faults = Vec::new();
    if policy.idempotency != Idempotency::Off {
        stored_replies(policy, store, &mut faults);
    } else if policy.store_down.is_some() {
        faults.push(format!(
            "endpoint {} says what becomes of it while the dedup store is away and has no reply \
             stored: leave store_down out, or ask for idempotency",
            policy.name
        ));
    }
    if policy.guarantee == Guarantee::ExactlyOnce {
        transactions(policy, &mut faults);
    }
    if policy.guarantee == Guarantee::AtMostOnce && policy.mode == Mode::Stream {
        faults.push(format!(
            "endpoint {} is a stream and at most once: a stream's offset is stored with its \
             first record anyway, leave delivery out",
            policy.name
        ));
    }
    if let Some(retry) = &policy.retry {
        retries(policy, retry, &mut faults);
    }
    faults
}

fn transactions(policy: &Policy, faults: &mut Vec<String>) {
    let name = &policy.name;
    if policy.mode == Mode::Stream {
        faults.push(format!(
            "endpoint {name} is a stream and exactly once: a stream is done with its first \
             record, before its handler has written anything, leave delivery out"
        ));
    }
    if policy.idempotency != Idempotency::Off {
        faults.push(format!(
            "endpoint {name} is exactly once and asks for stored replies, which are not stored \
             in its transaction: after a crash between the two a request would be answered \
             and its outputs lost, so leave one of them out"
        ));
    }
}

/// What endpoints of one service contradict together.
pub(super) fn faults_of_all(policies: &[Arc<Policy>]) -> Option<String> {
    let with = |guarantee| {
        let named = policies.iter().filter(|it| it.guarantee == guarantee);
        named.map(|it| &*it.name).collect::<Vec<_>>().join(", ")
    };
    let (exactly, at_most) = (with(Guarantee::ExactlyOnce), with(Guarantee::AtMostOnce));
    (!exactly.is_empty() && !at_most.is_empty()).then(|| {
        format!(
            "endpoints {exactly} are exactly once and endpoints {at_most} at most once: what is \
             committed before it runs would pass outputs that are not committed yet, so serve \
             them from two services"
        )
    })
}

fn stored_replies(policy: &Policy, store: Store, faults: &mut Vec<String>) {
    let name = &policy.name;
    let defers = |retry: &RetrySpec| retry.policy == RetryPolicy::Tiers;
    if store == Store::BesideRequests && policy.retry.as_ref().is_some_and(defers) {
        faults.push(format!(
            "endpoint {name} asks for stored replies and for retry policy tiers, and the dedup \
             store knows a request only where its own partition is read: ask for blocking, or \
             give the service another store"
        ));
    }
    if store == Store::None {
        faults.push(format!(
            "endpoint {name} asks for stored replies and the service has no dedup store: give \
             it one with dedup(..), or leave idempotency out"
        ));
    }
    if policy.mode == Mode::Stream && store == Store::AroundHandlers {
        faults.push(format!(
            "endpoint {name} is a stream and asks for stored replies, and the dedup store ends \
             a claim with its handler, before the stream's last reply: give the service another \
             store, or leave idempotency out"
        ));
    }
    if policy.guarantee == Guarantee::AtMostOnce {
        faults.push(format!(
            "endpoint {name} is at most once and asks for stored replies: a request that was \
             begun is never handled again, so leave one of them out"
        ));
    }
}

fn retries(policy: &Policy, retry: &RetrySpec, faults: &mut Vec<String>) {
    let name = &policy.name;
    if policy.guarantee == Guarantee::AtMostOnce {
        faults.push(format!(
            "endpoint {name} is at most once and asks for retries: a request that was begun is \
             never handled again, so leave one of them out"
        ));
    }
    if policy.mode == Mode::Stream {
        faults.push(format!(
            "endpoint {name} is a stream and asks for retries: what has left is not taken back, \
             leave retry out"
        ));
    }
    if retry.attempts == 0 {
        faults.push(format!(
            "endpoint {name} asks for 0 attempts: the first counts, so ask for 1 or more"
        ));
    }
    let backoff = retry.backoff;
    if backoff.first > backoff.longest {
        faults.push(format!(
            "endpoint {name} waits {:?} between attempts and never longer than {:?}: put the \
             shorter wait first",
            backoff.first, backoff.longest
        ));
    }
    match retry.policy {
        RetryPolicy::KeyParked if !policy.keyed => faults.push(format!(
            "endpoint {name} asks for retry policy key_parked and its records have no key \
             whose order it could keep: give it a key, or ask for tiers"
        )),
        RetryPolicy::KeyParked if policy.guarantee == Guarantee::ExactlyOnce => {
            faults.push(format!(
                "endpoint {name} is exactly once and asks for retry policy key_parked, whose \
                 records are not parked in its transaction: ask for blocking or tiers"
            ));
        }
        RetryPolicy::Blocking | RetryPolicy::KeyParked => {}
        RetryPolicy::Tiers => {
            if retry.jitter {
                faults.push(format!(
                    "endpoint {name} asks for jitter and for retry policy tiers, whose delays \
                     are fixed: leave one of them out"
                ));
            }
            if backoff.first.as_millis() == 0 {
                faults.push(format!(
                    "endpoint {name} waits {:?} in a retry topic: wait 1 ms or more",
                    backoff.first
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dispatch::StoreDown;

    const MODES: [Mode; 3] = [Mode::Call, Mode::OneWay, Mode::Stream];
    const GUARANTEES: [Guarantee; 3] = [
        Guarantee::AtLeastOnce,
        Guarantee::AtMostOnce,
        Guarantee::ExactlyOnce,
    ];
    const IDEMPOTENCIES: [Idempotency; 4] = [
        Idempotency::Off,
        Idempotency::Optional,
        Idempotency::Required,
        Idempotency::Derived,
    ];
    const RETRIES: [Option<RetryPolicy>; 4] = [
        None,
        Some(RetryPolicy::Blocking),
        Some(RetryPolicy::Tiers),
        Some(RetryPolicy::KeyParked),
    ];
    const STORES: [Store; 4] = [
        Store::None,
        Store::Anywhere,
        Store::BesideRequests,
        Store::AroundHandlers,
    ];

    /// The table as the document has it, a column a line.
    fn is_allowed(policy: &Policy, store: Store) -> bool {
        let is_plain = policy.idempotency == Idempotency::Off && policy.retry.is_none();
        let retry = policy.retry.map(|retry| retry.policy);
        let mode = match policy.mode {
            Mode::Call | Mode::OneWay => true,
            Mode::Stream => retry.is_none() && policy.guarantee == Guarantee::AtLeastOnce,
        };
        let guarantee = match policy.guarantee {
            Guarantee::AtLeastOnce => true,
            Guarantee::AtMostOnce => is_plain,
            Guarantee::ExactlyOnce => policy.idempotency == Idempotency::Off,
        };
        let store = match store {
            _ if policy.idempotency == Idempotency::Off => true,
            Store::None => false,
            Store::Anywhere => true,
            Store::AroundHandlers => policy.mode != Mode::Stream,
            Store::BesideRequests => retry != Some(RetryPolicy::Tiers),
        };
        let parks = policy.keyed && policy.guarantee == Guarantee::AtLeastOnce;
        let key = parks || retry != Some(RetryPolicy::KeyParked);
        mode && guarantee && store && key
    }

    #[test]
    fn what_is_allowed_at_once_is_what_the_table_says() {
        for mode in MODES {
            for guarantee in GUARANTEES {
                for idempotency in IDEMPOTENCIES {
                    for retry in RETRIES {
                        for (store, keyed) in STORES
                            .map(|it| [(it, true), (it, false)])
                            .as_flattened()
                            .to_vec()
                        {
                            let mut policy = Policy::new("POST /work");
                            policy.keyed = keyed;
                            policy.mode = mode;
                            policy.guarantee = guarantee;
                            policy.idempotency = idempotency;
                            policy.retry = retry.map(|it| RetrySpec::attempts(5).policy(it));
                            let faults = faults(&policy, store);
                            let allowed = is_allowed(&policy, store);
                            assert_eq!(faults.is_empty(), allowed, "{policy:?}: {faults:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_becomes_of_stored_replies_is_asked_only_where_there_are_some() {
        for store_down in [StoreDown::FailClosed, StoreDown::FailOpen] {
            let mut policy = Policy::new("POST /work");
            policy.store_down = Some(store_down);
            let told = faults(&policy, Store::Anywhere).join(", ");
            assert!(told.contains("leave store_down out"), "{told}");
            policy.idempotency = Idempotency::Optional;
            assert_eq!(faults(&policy, Store::Anywhere), [""; 0]);
        }
    }

    #[test]
    fn every_contradiction_is_told_with_the_endpoint() {
        let mut policy = Policy::new("POST /work");
        policy.mode = Mode::Stream;
        policy.guarantee = Guarantee::AtMostOnce;
        policy.idempotency = Idempotency::Required;
        policy.keyed = false;
        policy.retry = Some(RetrySpec::attempts(0).policy(RetryPolicy::KeyParked));
        let faults = faults(&policy, Store::None);
        assert_eq!(faults.len(), 7, "{faults:#?}");
        let named = faults.iter().all(|fault| fault.contains("POST /work"));
        assert!(named, "{faults:#?}");
    }

    #[test]
    fn waits_that_cannot_be_are_told() {
        let second = Duration::from_secs(1);
        let tiers = RetrySpec::attempts(2).policy(RetryPolicy::Tiers);
        for (retry, told) in [
            (
                RetrySpec::attempts(2).backoff(2 * second, second),
                "shorter wait first",
            ),
            (tiers.backoff(Duration::ZERO, second), "1 ms or more"),
            (tiers.jitter(), "jitter"),
        ] {
            let mut policy = Policy::new("POST /work");
            policy.retry = Some(retry);
            let faults = faults(&policy, Store::None).join(", ");
            assert!(faults.contains(told), "{faults}");
        }
    }
}
