//! Who may do a piece of work.

use tokio::task::JoinSet;

use super::case::{Case, LEASE, claim, done, finish, granted, granted_in_time, reply};
use crate::store::Claim;

pub(super) async fn the_first_claim_is_granted_and_others_learn_that_it_runs(case: Case) {
    let request = case.request("k");
    let held = granted(&case.one, &request).await;
    assert!(!held.took_over(), "nobody was there before");
    for store in [&case.one, &case.other] {
        let again = claim(store, &request).await;
        assert!(matches!(again, Claim::Running { .. }), "{again:?}");
    }
    held.release().await;
}

pub(super) async fn of_many_claims_at_once_one_is_granted(case: Case) {
    let mut asking = JoinSet::new();
    for number in 0..32 {
        let store = if number % 2 == 0 {
            &case.one
        } else {
            &case.other
        };
        let (store, request) = (store.clone(), case.request("k"));
        asking.spawn(async move { claim(&store, &request).await });
    }
    // Kept: a claim that is dropped may be granted to the next.
    let claims = asking.join_all().await;
    let granted = claims.iter().filter(|it| matches!(it, Claim::Granted(_)));
    assert_eq!(granted.count(), 1, "{claims:?}");
}

pub(super) async fn scopes_and_keys_do_not_mix(case: Case) {
    let first = case.request("k");
    let mut elsewhere = case.request("k");
    elsewhere.id.scope = format!("{}k", first.id.scope).into();
    finish(&case.one, &first, &reply("first")).await;
    for other in [case.request("K"), case.request("kk"), elsewhere] {
        granted(&case.one, &other).await.release().await;
    }
}

pub(super) async fn a_key_of_another_request_is_a_mismatch_while_it_runs_and_afterwards(
    case: Case,
) {
    let held = granted(&case.one, &case.request("k")).await;
    let meanwhile = claim(&case.other, &case.changed("k")).await;
    // A store in which the claim waits for a lock learns no more than that it waits.
    let is_known = matches!(meanwhile, Claim::Mismatch | Claim::Running { .. });
    assert!(is_known, "{meanwhile:?}");
    held.release().await;
    finish(&case.one, &case.request("k"), &reply("tea")).await;
    for store in [&case.one, &case.other] {
        let afterwards = claim(store, &case.changed("k")).await;
        assert!(matches!(afterwards, Claim::Mismatch), "{afterwards:?}");
    }
}

pub(super) async fn released_work_is_granted_again_under_a_higher_fence(case: Case) {
    let request = case.request("k");
    let mut last = None;
    for store in [&case.one, &case.other, &case.one] {
        let held = granted(store, &request).await;
        assert!(
            Some(held.fence()) > last,
            "{:?} after {last:?}",
            held.fence()
        );
        last = Some(held.fence());
        held.release().await;
    }
    finish(&case.other, &request, &reply("at last")).await;
    assert_eq!(done(&case.one, &request).await, reply("at last"));
}

pub(super) async fn work_whose_claim_was_dropped_is_granted_again(case: Case) {
    let mut request = case.request("k");
    request.lease = LEASE;
    drop(granted(&case.one, &request).await);
    granted_in_time(&case.other, &request).await.release().await;
}

pub(super) async fn what_was_released_may_become_another_request(case: Case) {
    granted(&case.one, &case.request("k")).await.release().await;
    finish(&case.one, &case.changed("k"), &reply("coffee")).await;
    assert_eq!(done(&case.other, &case.changed("k")).await, reply("coffee"));
}
