//! Partitions on their way from one member of a group to another.

use std::collections::BTreeSet;
use std::time::Duration;

use super::case::{CLOSING, Case, partition};
use crate::testing::Observer;
use crate::transport::TopicPartition;

const PARTITIONS: i32 = 4;

/// Waits until two members have all partitions between them.
async fn shared(one: &Observer, other: &Observer) {
    for member in [one, other] {
        member
            .until("each has its half", |seen| {
                seen.owned.len() == PARTITIONS as usize / 2
            })
            .await;
    }
    let owned = |member: &Observer| member.seen(|seen| seen.owned.clone());
    let all: BTreeSet<TopicPartition> = &owned(one) | &owned(other);
    assert_eq!(all.len(), PARTITIONS as usize);
}

pub(super) async fn two_members_share_and_a_leave_hands_over(case: Case) {
    let topic = case.topic(PARTITIONS).await;
    let leaver = case.join_owning(&topic, PARTITIONS as usize).await;
    let stayer = case.join(&topic).await;
    shared(&leaver, &stayer).await;
    for number in 0..PARTITIONS {
        case.send_to(&partition(&topic, number), &["shared"]).await;
    }
    for member in [&leaver, &stayer] {
        member
            .until("each reads its half", |seen| seen.records.len() == 2)
            .await;
    }
    let done = |seen: &crate::testing::Seen| {
        let read = seen.records.iter().map(|record| &record.origin);
        read.map(|origin| (origin.partition.clone(), origin.offset + 1))
            .collect::<Vec<_>>()
    };
    leaver.store(&leaver.seen(done));
    leaver.close(CLOSING).await;
    stayer
        .until("it has all", |seen| seen.owned.len() == PARTITIONS as usize)
        .await;
    for number in 0..PARTITIONS {
        case.send_to(&partition(&topic, number), &["handed over"])
            .await;
    }
    stayer
        .until("it reads all, and nothing again", |seen| {
            seen.payloads()
                == ["shared", "shared"]
                    .into_iter()
                    .chain(["handed over"; PARTITIONS as usize])
                    .collect::<Vec<_>>()
        })
        .await;
}

pub(super) async fn a_dropped_consumer_leaves_its_group(case: Case) {
    let topic = case.topic(PARTITIONS).await;
    let dropped = case.join_owning(&topic, PARTITIONS as usize).await;
    let stayer = case.join(&topic).await;
    shared(&dropped, &stayer).await;
    drop(dropped);
    stayer
        .until("it has all", |seen| seen.owned.len() == PARTITIONS as usize)
        .await;
}

pub(super) async fn the_group_waits_until_a_revocation_is_dropped(case: Case) {
    let topic = case.topic(PARTITIONS).await;
    for number in 0..PARTITIONS {
        case.send_to(&partition(&topic, number), &["a", "b"]).await;
    }
    let giver = case.join_owning(&topic, PARTITIONS as usize).await;
    giver
        .until("all came", |seen| seen.records.len() == 8)
        .await;
    giver.hold();
    let taker = case.join(&topic).await;
    giver
        .until("it is asked", |seen| !seen.held.is_empty())
        .await;
    // Nothing tells that the taker gets nothing: time has to pass.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(taker.seen(|seen| seen.owned.len()), 0);
    assert!(giver.seen(|seen| seen.held.iter().all(|held| !held.lost)));

    // What is stored while the group waits is where the taker begins.
    let all = (0..PARTITIONS).map(|number| (partition(&topic, number), 1));
    giver.store(&all.collect::<Vec<_>>());
    giver.let_go();
    taker
        .until("it begins after what was stored", |seen| {
            !seen.owned.is_empty() && seen.payloads() == vec!["b"; seen.owned.len()]
        })
        .await;
}

pub(super) async fn offsets_stored_for_a_partition_given_away_are_ignored(case: Case) {
    let topic = case.topic(PARTITIONS).await;
    let all: Vec<TopicPartition> = (0..PARTITIONS).map(|n| partition(&topic, n)).collect();
    for partition in &all {
        case.send_to(partition, &["a"]).await;
    }
    let former = case.join_owning(&topic, PARTITIONS as usize).await;
    let owner = case.join(&topic).await;
    shared(&former, &owner).await;
    let kept = former.seen(|seen| seen.owned.clone());
    let done = all.iter().map(|partition| (partition.clone(), 1));
    former.store(&done.collect::<Vec<_>>());
    former.close(CLOSING).await;
    owner.close(CLOSING).await;

    let last = case.join(&topic).await;
    for partition in &all {
        case.send_to(partition, &["b"]).await;
    }
    for partition in &all {
        let expected: &[&str] = match kept.contains(partition) {
            true => &["b"],
            false => &["a", "b"],
        };
        last.until("only its own partitions were committed", |seen| {
            seen.payloads_of(partition)
                .last()
                .is_some_and(|last| last == "b")
        })
        .await;
        assert_eq!(last.seen(|seen| seen.payloads_of(partition)), expected);
    }
}
