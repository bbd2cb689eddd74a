//! Consumption stops while the dedup store is away.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::dispatch::{Backoff, Cause, Idempotency, Input, Policy, Scope, StoreDown, Turn};
use crate::health::StoreHealth;
use crate::store::{ClaimRequest, Dedup, DedupStore, Fingerprint, WorkId};

/// Between two looks at a store that is away.
const LOOKS: Backoff = Backoff {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(1),
};
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches the store once it does not answer: asks it in the place of every record
/// that waits for it, and shuts the valve until it answers.
pub(super) struct Outage {
    store: Arc<dyn DedupStore>,
    health: Arc<StoreHealth>,
    inputs: mpsc::UnboundedSender<Input>,
    /// What it is asked for: nobody's work.
    work: ClaimRequest,
    scopes: Vec<Scope>,
}

/// What may not be consumed while the store of `dedup` is away. `others` are requests
/// that no endpoint is for, and that something may handle all the same.
pub(super) fn scopes(
    policies: &[Arc<Policy>],
    default: &Policy,
    others: bool,
    dedup: &Dedup,
) -> Vec<Scope> {
    let waits = |policy: &Policy| {
        let store_down = policy.store_down.unwrap_or(dedup.store_down);
        policy.idempotency != Idempotency::Off && store_down == StoreDown::FailClosed
    };
    let always = |policy: &Policy| waits(policy) && policy.idempotency != Idempotency::Optional;
    let served = |policy: &&Arc<Policy>| others || policy.name != default.name;
    if policies.iter().filter(served).all(|policy| always(policy)) {
        return vec![Scope::Service];
    }
    let waiting = policies.iter().filter(|policy| waits(policy));
    waiting
        .map(|policy| Scope::Endpoint(Arc::clone(&policy.name)))
        .collect()
}

impl Outage {
    pub(super) fn new(
        service: &str,
        dedup: &Dedup,
        health: Arc<StoreHealth>,
        scopes: Vec<Scope>,
        inputs: mpsc::UnboundedSender<Input>,
    ) -> Self {
        let id = WorkId {
            scope: Arc::from(format!("{service} probe")),
            key: Bytes::from_static(b"probe"),
        };
        let mut work = ClaimRequest::new(id, Fingerprint::of(&[]), Arc::from(service));
        work.lease = PATIENCE;
        work.patience = LOOKS.longest;
        work.keep = PATIENCE;
        Self {
            store: Arc::clone(&dedup.store),
            health,
            inputs,
            work,
            scopes,
        }
    }

    /// Runs until it is dropped.
    pub(super) async fn run(self) {
        let mut looks = 0;
        loop {
            self.health.went_away().await;
            self.turn(Some(
                format!("the dedup store {} is away", self.store.name()).into(),
            ));
            // A store that answers others and failed one is asked at once; one that
            // answers a look and nobody else is not opened for again and again.
            if self.health.took_answers() {
                looks = 0;
            }
            while !self.looks_well(looks).await {
                looks += 1;
            }
            looks += 1;
            self.health.reachable();
            self.turn(None);
        }
    }

    async fn looks_well(&self, looks: u32) -> bool {
        if looks > 0 {
            sleep(LOOKS.after(looks)).await;
        }
        let fault = match timeout(PATIENCE, self.store.probe(&self.work)).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!(
                "dedup store {}: it does not answer within {PATIENCE:?}",
                self.store.name()
            ),
        };
        self.health.away(fault);
        false
    }

    fn turn(&self, shut: Option<Arc<str>>) {
        for scope in &self.scopes {
            let turn = Turn {
                scope: scope.clone(),
                cause: Cause::Store,
                shut: shut.clone(),
            };
            // An engine that has ended consumes nothing.
            let _ = self.inputs.send(Input::Turn(turn));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn policy(name: &str, idempotency: Idempotency, store_down: Option<StoreDown>) -> Arc<Policy> {
        let mut policy = Policy::new(name);
        policy.idempotency = idempotency;
        policy.store_down = store_down;
        Arc::new(policy)
    }

    #[test]
    fn everything_stops_where_everything_needs_the_store_and_else_what_needs_it() {
        let other = Policy::new("other");
        let dedup = Dedup::new(MemoryStore::new(1));
        let of = |policies: &[Arc<Policy>], others| scopes(policies, &other, others, &dedup);
        let named = |name: &str| Scope::Endpoint(Arc::from(name));
        let required = policy("POST /a", Idempotency::Required, None);
        let derived = policy("POST /b", Idempotency::Derived, None);
        let optional = policy("POST /c", Idempotency::Optional, None);
        let open = policy("POST /d", Idempotency::Derived, Some(StoreDown::FailOpen));
        let off = policy("other", Idempotency::Off, None);

        let need = [required.clone(), derived, off.clone()];
        assert_eq!(of(&need, false), [Scope::Service]);
        assert_eq!(of(&need, true), [named("POST /a"), named("POST /b")]);
        let mixed = [required, optional, open, off];
        assert_eq!(of(&mixed, false), [named("POST /a"), named("POST /c")]);
    }
}
