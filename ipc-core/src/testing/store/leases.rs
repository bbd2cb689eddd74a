//! Owners that were taken for dead.

use tokio::time::sleep;

use super::case::{Case, LEASE, claim, done, granted, granted_in_time, reply};
use crate::store::{Claim, Effects, FinishError};

pub(super) async fn a_lease_that_ran_out_is_taken_over_under_a_higher_fence(case: Case) {
    let mut request = case.request("k");
    request.lease = LEASE;
    let dead = granted(&case.one, &request).await;
    let running = claim(&case.other, &request).await;
    let Claim::Running { lease_left } = running else {
        panic!("it is not known to run: {running:?}");
    };
    assert!(
        lease_left.is_none_or(|left| left <= LEASE),
        "{lease_left:?}"
    );
    let successor = granted_in_time(&case.other, &request).await;
    assert!(successor.took_over(), "it does not know that it took over");
    assert!(successor.fence() > dead.fence());
    successor.release().await;
}

pub(super) async fn whoever_was_taken_over_stores_nothing_and_releases_nothing(case: Case) {
    let mut request = case.request("k");
    request.lease = LEASE;
    let late = granted(&case.one, &request).await;
    let later = case.request("other");
    let mut short = later.clone();
    short.lease = LEASE;
    let dropped = granted(&case.one, &short).await;

    request.lease = LEASE * 100;
    let successor = granted_in_time(&case.other, &request).await;
    let refused = late.finish(&reply("late"), Effects::Keep).await;
    assert!(matches!(refused, Err(FinishError::Fenced)), "{refused:?}");
    let finished = successor.finish(&reply("in time"), Effects::Keep).await;
    finished.expect("the successor's reply is stored");
    assert_eq!(done(&case.one, &request).await, reply("in time"));

    let successor = granted_in_time(&case.other, &later).await;
    dropped.release().await;
    let still = claim(&case.one, &later).await;
    assert!(matches!(still, Claim::Running { .. }), "{still:?}");
    successor.release().await;
}

pub(super) async fn a_lease_that_is_extended_is_not_taken_over(case: Case) {
    let mut request = case.request("k");
    request.lease = LEASE;
    let mut held = granted(&case.one, &request).await;
    for _ in 0..4 {
        sleep(LEASE / 2).await;
        let holds = held.extend(LEASE).await.expect("the store answers");
        assert!(holds, "nobody else has claimed it");
        let other = claim(&case.other, &request).await;
        assert!(matches!(other, Claim::Running { .. }), "{other:?}");
    }
    sleep(LEASE * 2).await;
    let successor = granted_in_time(&case.other, &request).await;
    let holds = held.extend(LEASE).await.expect("the store answers");
    assert!(!holds, "it was taken over");
    successor.release().await;
}

pub(super) async fn whoever_is_late_and_was_not_taken_over_stores_its_reply(case: Case) {
    let mut request = case.request("k");
    request.lease = LEASE;
    let late = granted(&case.one, &request).await;
    sleep(LEASE * 2).await;
    let finished = late.finish(&reply("late"), Effects::Keep).await;
    finished.expect("nobody else has claimed it");
    assert_eq!(done(&case.other, &request).await, reply("late"));
}
