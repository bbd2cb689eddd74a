//! What can be found wrong before anything is consumed.

use std::sync::Arc;
use std::time::Duration;

use super::ServeError;
use super::combinations::{self, Store};
use super::topics::{DEAD_LETTERS_KEPT, REQUESTS_KEPT};
use crate::dispatch::{Guarantee, Idempotency, Limits, Policy, Quarantine};
use crate::store::{Dedup, Needs};

/// Finds every fault of the set-up, and lists what may surprise.
pub(super) fn run(
    service: &str,
    limits: &Limits,
    policies: &[Arc<Policy>],
    dedup: Option<&Dedup>,
) -> Result<(), ServeError> {
    let mut faults = Vec::new();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if service.is_empty() || !service.chars().all(legal) {
        faults.push(format!(
            "service name {service:?} cannot name topics: use letters, digits, dot, \
             underscore and hyphen"
        ));
    }
    for (name, value) in [
        ("concurrency", limits.concurrency),
        ("window", limits.window),
        ("parked", limits.parked),
        ("streams", limits.streams),
    ] {
        if value == 0 {
            faults.push(format!("limit {name} is 0: nothing would ever run"));
        }
    }
    if matches!(limits.quarantine, Quarantine::After(0 | 1)) {
        faults.push(
            "quarantine after fewer than 2 deaths: the first does not tell which record it was, \
             ask for Quarantine::After(2) or more"
                .to_owned(),
        );
    }
    for policy in policies {
        faults.extend(combinations::faults(policy, Store::of(dedup)));
    }
    faults.extend(combinations::faults_of_all(policies));
    if !faults.is_empty() {
        return Err(ServeError::Configuration(faults));
    }
    warn_of_repetition(service, policies);
    Ok(())
}

/// Asks the dedup store whether it can keep what is promised.
pub(super) async fn store(
    service: &str,
    limits: &Limits,
    dedup: &Dedup,
    policies: &[Arc<Policy>],
) -> Vec<String> {
    let longest = |of: fn(&Policy) -> Duration| {
        let durations = policies.iter().map(|policy| of(policy));
        durations.max().unwrap_or_default()
    };
    let waits = |policy: &Policy| policy.retry.map_or(Duration::ZERO, |retry| retry.waits());
    let back = REQUESTS_KEPT + longest(|policy| policy.max_age) + DEAD_LETTERS_KEPT;
    let back = back.saturating_add(longest(waits));
    if dedup.keep < back {
        tracing::warn!(
            service,
            keep = ?dedup.keep,
            come_back = ?back,
            "replies are kept for less long than a request can come back from its log, from \
             waiting, from being retried or as a redriven dead letter: it is handled again then; see Dedup::keep"
        );
    }
    let lease = longest(|policy| policy.timeout) + dedup.lease_margin;
    let mut needs = Needs::new(service, dedup.keep, lease);
    needs.concurrency = limits.concurrency;
    let checked = dedup.store.check(&needs).await;
    checked.err().unwrap_or_default()
}

/// A crash may make the log hand a record out again: whoever runs the service
/// should know which endpoints that can hurt.
fn warn_of_repetition(service: &str, policies: &[Arc<Policy>]) {
    let hurt = hurt_by_repetition(policies);
    if !hurt.is_empty() {
        tracing::warn!(
            service,
            endpoints = hurt.join(", "),
            "after a crash these endpoints may see a request twice: they are neither \
             safe, nor idempotent, nor at most once"
        );
    }
}

fn hurt_by_repetition(policies: &[Arc<Policy>]) -> Vec<&str> {
    policies
        .iter()
        .filter(|policy| !policy.safe && policy.guarantee == Guarantee::AtLeastOnce)
        .filter(|policy| {
            let idempotency = policy.idempotency;
            matches!(idempotency, Idempotency::Off | Idempotency::Optional)
        })
        .map(|policy| &*policy.name)
        .filter(|name| !has_safe_method(name))
        .collect()
}

fn has_safe_method(endpoint: &str) -> bool {
    matches!(
        endpoint.split_once(' '),
        Some(("GET" | "HEAD" | "OPTIONS", _))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed_at_once() {
        let limits = Limits {
            window: 0,
            ..Limits::default()
        };
        let mut policy = Policy::new("POST /orders");
        policy.idempotency = Idempotency::Required;
        let error = run("or ders", &limits, &[Arc::new(policy)], None).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("\"or ders\""), "{text}");
        assert!(text.contains("window"), "{text}");
        assert!(text.contains("POST /orders"), "{text}");
    }

    #[test]
    fn the_endpoints_that_a_repetition_may_hurt_are_named() {
        let policy = |name: &str, change: fn(&mut Policy)| {
            let mut policy = Policy::new(name);
            change(&mut policy);
            Arc::new(policy)
        };
        let policies = [
            policy("GET /orders", |_| {}),
            policy("POST /orders", |_| {}),
            policy("POST /search", |it| it.safe = true),
            policy("POST /once", |it| it.guarantee = Guarantee::AtMostOnce),
            policy("POST /maybe", |it| it.idempotency = Idempotency::Optional),
            policy("POST /known", |it| it.idempotency = Idempotency::Derived),
        ];
        let hurt = hurt_by_repetition(&policies);
        assert_eq!(hurt, ["POST /orders", "POST /maybe"]);
    }

    #[test]
    fn a_sound_service_has_no_fault() {
        let policies = [Arc::new(Policy::new("GET /orders"))];
        assert!(run("orders", &Limits::default(), &policies, None).is_ok());
    }
}
