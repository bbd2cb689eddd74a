//! Reading one partition without a group.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::case::{CLOSING, Case, partition};
use crate::testing::Observer;
use crate::transport::{Event, Inlet, Start, TopicState};

pub(super) async fn from_the_end_sees_everything_sent_afterwards(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    for round in 0..5 {
        case.send_to(&from, &["before"]).await;
        let reader = case.read(&from, Start::End).await;
        let after = ["first after", "second after", "third after"];
        case.send_to(&from, &after).await;
        let what = format!("all that was sent after reader {round} began came");
        reader.until(&what, |seen| seen.records.len() >= 3).await;
        assert_eq!(reader.seen(|seen| seen.payloads()), after);
    }
}

pub(super) async fn from_the_beginning_sees_everything_sent_before(case: Case) {
    let topic = case.topic(2).await;
    let from = partition(&topic, 1);
    case.send_to(&from, &["a", "b", "c"]).await;
    case.send_to(&partition(&topic, 0), &["elsewhere"]).await;
    let reader = case.read(&from, Start::Beginning).await;
    case.send_to(&from, &["d"]).await;
    reader
        .until("everything came in order", |seen| {
            seen.payloads() == ["a", "b", "c", "d"]
        })
        .await;
}

pub(super) async fn readers_share_nothing(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    let one = case.read(&from, Start::End).await;
    let other = case.read(&from, Start::End).await;
    case.send_to(&from, &["a", "b"]).await;
    for reader in [&one, &other] {
        reader
            .until("each sees everything", |seen| seen.payloads() == ["a", "b"])
            .await;
    }
}

pub(super) async fn a_missing_topic_is_an_error_that_names_it(case: Case) {
    let from = partition(&case.name("never.made"), 0);
    for start in [Start::Beginning, Start::End] {
        let read = Observer::read(&*case.transport, from.clone(), start).await;
        let error = read.unwrap_err();
        assert!(error.is_missing_topic(), "{error}");
        assert!(error.to_string().contains(&*from.topic), "{error}");
    }
}

pub(super) async fn a_reader_goes_on_where_it_is_told(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    case.send_to(&from, &["0", "1", "2"]).await;
    let second = case.read(&from, Start::At(1)).await;
    second
        .until("it reads on", |seen| seen.payloads() == ["1", "2"])
        .await;
    let beyond = case.read(&from, Start::At(100)).await;
    beyond
        .until("it reads all", |seen| seen.payloads() == ["0", "1", "2"])
        .await;
}

/// Tells how many records had been taken when the end was reached first.
struct Reckoner {
    taken: usize,
    ends: mpsc::Sender<usize>,
}

impl Inlet for Reckoner {
    fn take(&mut self, event: Event) {
        if let Event::Records(records) = event {
            self.taken += records.len();
        }
    }

    fn looks_for_end(&self) -> bool {
        true
    }

    fn at_end(&mut self) {
        // There is room for the first, which is the one that is looked at.
        let _ = self.ends.try_send(self.taken);
    }
}

pub(super) async fn who_looks_for_the_end_is_told_when_everything_is_read(case: Case) {
    const RECORDS: [usize; 3] = [0, 1, 1200];
    let topic = case.topic(3).await;
    for (number, count) in (0..).zip(RECORDS) {
        let from = partition(&topic, number);
        case.send_to(&from, &vec!["text"; count]).await;
        let (ends, mut reached) = mpsc::channel(1);
        let inlet = Box::new(Reckoner { taken: 0, ends });
        let read = case.transport.read(from, Start::Beginning, inlet).await;
        let _reader = read.unwrap();
        let taken = timeout(CLOSING, reached.recv()).await;
        assert_eq!(taken, Ok(Some(count)), "partition {number}");
    }
}

pub(super) async fn records_are_counted_by_partition_from_a_point_in_time_on(case: Case) {
    let topic = case.topic(3).await;
    let busy = partition(&topic, 1);
    case.send_to(&busy, &["a", "b"]).await;
    case.send_to(&partition(&topic, 2), &["c"]).await;
    let reader = case.read(&busy, Start::Beginning).await;
    reader
        .until("both came", |seen| seen.records.len() == 2)
        .await;
    let [first, last] = reader.seen(|seen| {
        [0, 1].map(|number: usize| seen.records[number].origin.timestamp.millis().unwrap())
    });
    let state = TopicState {
        name: topic,
        partitions: 3,
    };
    let counted = case.transport.written_since(&state, first).await.unwrap();
    assert_eq!(counted, [0, 2, 1]);
    let after = last.plus(Duration::from_millis(1));
    let counted = case.transport.written_since(&state, after).await.unwrap();
    assert_eq!(counted[..2], [0, 0]);
}

pub(super) async fn a_topic_tells_which_offsets_it_holds(case: Case) {
    let topic = case.topic(2).await;
    case.send_to(&partition(&topic, 1), &["a", "b"]).await;
    let state = TopicState {
        name: topic,
        partitions: 2,
    };
    let held = case.transport.held(&state).await.unwrap();
    assert_eq!(held, [0..0, 0..2]);
}

pub(super) async fn a_reader_begins_at_a_point_in_time(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    case.send_to(&from, &["a", "b"]).await;
    let reader = case.read(&from, Start::Beginning).await;
    reader
        .until("both came", |seen| seen.records.len() == 2)
        .await;
    let [first, last] = reader.seen(|seen| {
        [0, 1].map(|number: usize| seen.records[number].origin.timestamp.millis().unwrap())
    });
    let young = case.read(&from, Start::Since(first)).await;
    young
        .until("both are as young", |seen| seen.payloads() == ["a", "b"])
        .await;
    let later = last.plus(Duration::from_millis(1));
    let younger = case.read(&from, Start::Since(later)).await;
    case.send_to(&from, &["c"]).await;
    younger
        .until("only the one that follows comes", |seen| {
            seen.payloads() == ["c"]
        })
        .await;
}

pub(super) async fn a_missing_partition_is_an_error_that_names_it(case: Case) {
    let from = partition(&case.topic(1).await, 1);
    let read = Observer::read(&*case.transport, from.clone(), Start::End).await;
    let error = read.unwrap_err();
    assert!(error.is_missing_topic(), "{error}");
    assert!(error.to_string().contains(&from.to_string()), "{error}");
}

pub(super) async fn a_closed_reader_says_so_and_is_silent_afterwards(case: Case) {
    let topic = case.topic(1).await;
    let from = partition(&topic, 0);
    let closed = case.read(&from, Start::Beginning).await;
    case.send_to(&from, &["before"]).await;
    closed
        .until("it reads", |seen| seen.payloads() == ["before"])
        .await;
    closed.close(CLOSING).await;
    closed.until("it says so", |seen| seen.closed).await;

    let witness = case.read(&from, Start::End).await;
    case.send_to(&from, &["after"]).await;
    witness
        .until("another reads on", |seen| seen.payloads() == ["after"])
        .await;
    // Steering what has ended does nothing, and harms nothing.
    closed.pause(vec![from.clone()]);
    closed.resume(vec![from.clone()]);
    closed.store(&[(from, 1)]);
    closed.close(CLOSING).await;
    assert_eq!(closed.seen(|seen| seen.payloads()), ["before"]);
}
