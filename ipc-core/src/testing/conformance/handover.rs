//! Partitions on their way from one member of a group to another.

use std::collections::BTreeSet;
use std::time::Duration;

use super::case::{CLOSING, Case, partition, to};
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

pub(super) async fn committing_a_partition_given_away_is_an_error(case: Case) {
    let topic = case.topic(PARTITIONS).await;
    let all: Vec<TopicPartition> = (0..PARTITIONS).map(|n| partition(&topic, n)).collect();
    for partition in &all {
        case.send_to(partition, &["a", "b"]).await;
    }
    let former = case.join_owning(&topic, PARTITIONS as usize).await;
    let owner = case.join(&topic).await;
    shared(&former, &owner).await;
    let given = owner.seen(|seen| seen.owned.first().cloned()).unwrap();
    owner.commit(&[(given.clone(), 2)]).await.unwrap();
    assert!(former.commit(&[(given.clone(), 1)]).await.is_err());
    former.close(CLOSING).await;
    owner.close(CLOSING).await;

    let last = case.join(&topic).await;
    case.send_to(&given, &["c"]).await;
    last.until("what the owner committed stands", |seen| {
        seen.payloads_of(&given) == ["c"]
    })
    .await;
}

pub(super) async fn nothing_comes_from_a_partition_after_its_revocation(case: Case) {
    let topic = case.topic(PARTITIONS).await;
    let flow = async {
        loop {
            for number in 0..PARTITIONS {
                case.send_to(&partition(&topic, number), &["x"; 50]).await;
            }
            // Under a paused clock a flow without any pause would stop time.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let joining = async {
        let former = case.join(&topic).await;
        former
            .until("it reads all", |seen| {
                let mut all = (0..PARTITIONS).map(|number| partition(&topic, number));
                all.all(|from| seen.records_of(&from).next().is_some())
            })
            .await;
        let taker = case.join(&topic).await;
        shared(&former, &taker).await;
        [former, taker]
    };
    let members = tokio::select! {
        biased;
        members = joining => members,
        () = flow => unreachable!("the flow never ends"),
    };
    // The observers note a record of a partition that is not theirs, and fail here.
    for member in members {
        let owned = member.seen(|seen| seen.owned.clone());
        for from in owned {
            let last = case.placed(to(&from, "last")).await;
            member
                .until("its owner reads it to the end", |seen| {
                    let newest = seen.records_of(&from).next_back();
                    newest.is_some_and(|record| record.origin.offset == last.offset)
                })
                .await;
        }
    }
}

pub(super) async fn a_partition_that_comes_back_is_not_paused(case: Case) {
    let topic = case.topic(PARTITIONS).await;
    let all: Vec<TopicPartition> = (0..PARTITIONS).map(|n| partition(&topic, n)).collect();
    let stayer = case.join_owning(&topic, PARTITIONS as usize).await;
    stayer.pause(all.clone());
    let guest = case.join(&topic).await;
    shared(&stayer, &guest).await;
    let gone = guest.seen(|seen| seen.owned.clone());
    guest.close(CLOSING).await;
    stayer
        .until("they are back", |seen| {
            seen.owned.len() == PARTITIONS as usize
        })
        .await;
    for partition in &gone {
        case.send_to(partition, &["x"]).await;
        stayer
            .until("it is read", |seen| seen.payloads_of(partition) == ["x"])
            .await;
    }
}
