//! What every dedup store must do, as one suite for all of them.
//!
//! ```
//! use std::sync::Arc;
//!
//! use ipc_core::store::{DedupStore, MemoryStore};
//! use ipc_core::testing::store::{self, Fixture};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let shared = MemoryStore::new(10_000);
//! let connect = move || {
//!     let store: Arc<dyn DedupStore> = Arc::new(shared.clone());
//!     async { store }
//! };
//! store::run(Fixture::new("run-1", connect)).await;
//! # }
//! ```

mod case;
mod claims;
mod leases;
mod replies;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::store::{DedupStore, Place};
use crate::testing::checks::{self, Named};
use case::Case;

type Connection = Pin<Box<dyn Future<Output = Arc<dyn DedupStore>> + Send>>;
type Check = fn(Case) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// The store to be checked.
#[derive(Clone)]
pub struct Fixture {
    connect: Arc<dyn Fn() -> Connection + Send + Sync>,
    run: Arc<str>,
    has_leases: bool,
    place: Option<Place>,
}

impl Fixture {
    /// A store that `connect` makes, as often as asked, each as another instance of
    /// a service would. Scopes begin with `run`, which must not have been used with
    /// what is behind it before.
    pub fn new<C, F>(run: impl Into<Arc<str>>, connect: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Arc<dyn DedupStore>> + Send + 'static,
    {
        Self {
            connect: Arc::new(move || Box::pin(connect())),
            run: run.into(),
            has_leases: true,
            place: None,
        }
    }

    /// Every request comes from `place`, for a store that lies beside its requests.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Of a store whose claims end with the connection of their owner, and not with
    /// time, what leases do is not asked for.
    #[must_use]
    pub fn without_leases(mut self) -> Self {
        self.has_leases = false;
        self
    }
}

impl std::fmt::Debug for Fixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fixture")
            .field("run", &self.run)
            .field("has_leases", &self.has_leases)
            .finish_non_exhaustive()
    }
}

macro_rules! checks {
    ($($module:ident::$check:ident,)+) => {
        &[$((stringify!($check), |case| Box::pin($module::$check(case)))),+]
    };
}

/// What every store does, by the behaviour it is named for.
const ALWAYS: &[(&str, Check)] = checks![
    claims::the_first_claim_is_granted_and_others_learn_that_it_runs,
    claims::of_many_claims_at_once_one_is_granted,
    claims::scopes_and_keys_do_not_mix,
    claims::a_key_of_another_request_is_a_mismatch_while_it_runs_and_afterwards,
    claims::released_work_is_granted_again_under_a_higher_fence,
    claims::work_whose_claim_was_dropped_is_granted_again,
    claims::what_was_released_may_become_another_request,
    replies::a_reply_comes_back_byte_for_byte_to_every_instance,
    replies::a_reply_without_a_body_and_one_that_is_not_kept_differ,
    replies::the_replies_of_a_stream_come_back_as_they_were,
    replies::a_reply_to_a_request_that_was_refused_is_stored_too,
    replies::a_reply_has_its_time,
    replies::a_claim_that_ended_is_no_claim_any_more,
];

/// What a store with leases does besides.
const WITH_LEASES: &[(&str, Check)] = checks![
    leases::a_lease_that_ran_out_is_taken_over_under_a_higher_fence,
    leases::whoever_was_taken_over_stores_nothing_and_releases_nothing,
    leases::a_lease_that_is_extended_is_not_taken_over,
    leases::whoever_is_late_and_was_not_taken_over_stores_its_reply,
];

/// Runs every check, all at the same time.
///
/// # Panics
///
/// When a check fails; the message names every one that did, and the panic of
/// each says why.
///
/// # Cancel safety
///
/// Dropping the future ends the checks; what they stored stays.
pub async fn run(fixture: Fixture) {
    let with_leases = WITH_LEASES.iter().filter(|_| fixture.has_leases);
    let each = ALWAYS.iter().chain(with_leases).map(|(name, check)| {
        let fixture = fixture.clone();
        let checked = async move {
            let one = (fixture.connect)().await;
            let other = (fixture.connect)().await;
            check(Case::new(&fixture.run, name, [one, other], fixture.place)).await;
        };
        Named::new(name, checked)
    });
    checks::all(each.collect()).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test(start_paused = true)]
    async fn the_memory_store_conforms() {
        let shared = MemoryStore::new(10_000);
        let connect = move || {
            let store: Arc<dyn DedupStore> = Arc::new(shared.clone());
            async { store }
        };
        run(Fixture::new("run", connect)).await;
    }
}
