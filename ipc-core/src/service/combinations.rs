//! What an endpoint may ask for at once: the table of `docs/delivery-semantics.md`.

use crate::dispatch::{Guarantee, Idempotency, Mode, Policy, RetryPolicy, RetrySpec};

/// Everything an endpoint asks for that contradicts something else it asks for, or
/// what its service has.
pub(super) fn faults(policy: &Policy, has_store: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if policy.idempotency != Idempotency::Off {
        stored_replies(policy, has_store, &mut faults);
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

fn stored_replies(policy: &Policy, has_store: bool, faults: &mut Vec<String>) {
    let name = &policy.name;
    if !has_store {
        faults.push(format!(
            "endpoint {name} asks for stored replies and the service has no dedup store: give \
             it one with dedup(..), or leave idempotency out"
        ));
    }
    if policy.mode == Mode::Stream {
        faults.push(format!(
            "endpoint {name} is a stream and asks for stored replies, which are not stored of \
             streams: leave idempotency out"
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
    if retry.policy != RetryPolicy::Blocking {
        faults.push(format!(
            "endpoint {name} asks for retry policy {}, which is not there yet: ask for blocking",
            retry.policy.as_str()
        ));
    }
}
