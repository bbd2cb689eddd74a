//! One member of a group at a time.

use std::sync::Arc;

use super::case::{CLOSING, Case, partition};
use crate::testing::Observer;
use crate::transport::{Note, TopicPartition, TopicState};

pub(super) async fn a_group_begins_with_the_oldest_record(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    case.send_to(&from, &["a", "b"]).await;
    let member = case.join(&topic).await;
    case.send_to(&from, &["c"]).await;
    member
        .until("everything came", |seen| seen.payloads() == ["a", "b", "c"])
        .await;
}

pub(super) async fn the_group_goes_on_at_the_stored_offset_after_close(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    case.send_to(&from, &["a", "b", "c"]).await;
    let first = case.join(&topic).await;
    first
        .until("all came", |seen| seen.records.len() == 3)
        .await;
    first.store(&[(from.clone(), 1)]);
    first.store(&[(from.clone(), 2)]);
    first.close(CLOSING).await;

    let second = case.join(&topic).await;
    case.send_to(&from, &["d"]).await;
    second
        .until("it goes on there", |seen| seen.payloads() == ["c", "d"])
        .await;
}

pub(super) async fn a_commit_is_where_the_group_goes_on(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    case.send_to(&from, &["a", "b"]).await;
    let first = case.join(&topic).await;
    first
        .until("all came", |seen| seen.records.len() == 2)
        .await;
    first.commit(&[(from.clone(), 1)]).await.unwrap();
    first.close(CLOSING).await;
    assert!(first.commit(&[(from, 2)]).await.is_err(), "it has ended");

    let second = case.join(&topic).await;
    second
        .until("it goes on there", |seen| seen.payloads() == ["b"])
        .await;
}

pub(super) async fn what_a_group_has_committed_is_told(case: Case) {
    let topic = case.topic(2).await;
    let from = partition(&topic, 1);
    case.send_to(&from, &["a", "b"]).await;
    let state = TopicState {
        name: Arc::clone(&topic),
        partitions: 2,
    };
    let group = case.name("group");
    let told = async || case.transport.committed(&group, &state).await.unwrap();
    assert_eq!(told().await, [None, None]);
    let member = case.join_owning(&topic, 2).await;
    member.commit(&[(from, 1)]).await.unwrap();
    assert_eq!(told().await, [None, Some(1)]);
}

/// A note on one partition.
fn note(partition: &TopicPartition, next: i64, text: &str) -> Note {
    Note {
        partition: partition.clone(),
        next,
        text: Arc::from(text),
    }
}

pub(super) async fn a_note_stays_with_its_offset_until_another_is_committed(case: Case) {
    let topic = case.topic(2).await;
    let places = [partition(&topic, 0), partition(&topic, 1)];
    case.send_to(&places[1], &["a", "b"]).await;
    let first = case.join_owning(&topic, 2).await;
    assert_eq!(first.notes(&places).await.unwrap(), ["", ""]);
    let notes = [note(&places[1], 1, "mind the gap")];
    first.commit_noted(&notes).await.unwrap();
    first.close(CLOSING).await;

    let second = case.join_owning(&topic, 2).await;
    assert_eq!(second.notes(&places).await.unwrap(), ["", "mind the gap"]);
    second
        .until("it goes on there", |seen| seen.payloads() == ["b"])
        .await;
    second.store(&[(places[1].clone(), 2)]);
    second.close(CLOSING).await;

    let third = case.join_owning(&topic, 2).await;
    assert_eq!(third.notes(&places).await.unwrap(), ["", ""]);
}

pub(super) async fn a_note_on_an_offset_that_was_committed_before_is_told_and_can_be_taken_away(
    case: Case,
) {
    let topic = case.topic(1).await;
    let places = [partition(&topic, 0)];
    case.send_to(&places[0], &["a", "b"]).await;
    let member = case.join_owning(&topic, 1).await;
    member.store(&[(places[0].clone(), 1)]);
    for text in ["once", "twice", ""] {
        let notes = [note(&places[0], 1, text)];
        member.commit_noted(&notes).await.unwrap();
        assert_eq!(member.notes(&places).await.unwrap(), [text]);
    }
    member.close(CLOSING).await;
    assert!(member.notes(&places).await.is_err(), "it has ended");
}

pub(super) async fn what_was_not_stored_is_redelivered_to_the_next_member(case: Case) {
    let topic = case.topic(1).await;
    case.send_to(&partition(&topic, 0), &["a", "b"]).await;
    for member in ["first", "second"] {
        let observer = case.join(&topic).await;
        observer
            .until(&format!("the {member} sees all"), |seen| {
                seen.payloads() == ["a", "b"]
            })
            .await;
        observer.close(CLOSING).await;
    }
}

pub(super) async fn groups_do_not_disturb_each_other(case: Case) {
    let topic = case.topic(2).await;
    let names = [case.name("one"), case.name("other")];
    for number in 0..2 {
        case.send_to(&partition(&topic, number), &["a", "b"]).await;
    }
    for name in &names {
        let member = Observer::join(&*case.transport, name, &[&topic])
            .await
            .unwrap();
        member
            .until("all came", |seen| seen.records.len() == 4)
            .await;
        member.store(&[0, 1].map(|number| (partition(&topic, number), 2)));
        member.close(CLOSING).await;
    }
}

pub(super) async fn a_paused_partition_is_silent_and_resumes_without_loss(case: Case) {
    let topic = case.topic(2).await;
    let (paused, other) = (partition(&topic, 0), partition(&topic, 1));
    let member = case.join_owning(&topic, 2).await;
    case.send_to(&paused, &["before"]).await;
    member
        .until("it reads", |seen| seen.payloads_of(&paused) == ["before"])
        .await;

    member.pause(vec![paused.clone()]);
    // Once records of the other partition were polled, the pause has been obeyed.
    for round in ["one", "two"] {
        case.send_to(&other, &[round]).await;
        member
            .until("the other is read on", |seen| {
                seen.payloads_of(&other)
                    .last()
                    .is_some_and(|last| last == round)
            })
            .await;
    }
    case.send_to(&paused, &["while paused", "still paused"])
        .await;
    for round in ["three", "four", "five"] {
        case.send_to(&other, &[round]).await;
        member
            .until("the other is read on", |seen| {
                seen.payloads_of(&other)
                    .last()
                    .is_some_and(|last| last == round)
            })
            .await;
    }
    assert_eq!(member.seen(|seen| seen.payloads_of(&paused)), ["before"]);

    member.resume(vec![paused.clone()]);
    case.send_to(&paused, &["resumed"]).await;
    member
        .until("nothing is missing and nothing comes twice", |seen| {
            seen.payloads_of(&paused) == ["before", "while paused", "still paused", "resumed"]
        })
        .await;
}

pub(super) async fn closing_revokes_commits_and_ends(case: Case) {
    let topic = case.topic(2).await;
    let member = case.join_owning(&topic, 2).await;
    member.close(CLOSING).await;
    member.until("it says so", |seen| seen.closed).await;
    member.seen(|seen| assert!(seen.owned.is_empty(), "{:?} never revoked", seen.owned));
}

pub(super) async fn a_member_of_a_missing_topic_is_told_its_name(case: Case) {
    let topic = case.name("never.made");
    let member = case.join(&topic).await;
    member
        .until("it is told", |seen| {
            seen.troubles.iter().any(|why| why.contains(&*topic))
        })
        .await;
}
