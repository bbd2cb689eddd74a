//! Records and offsets that are committed at once.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::case::{CLOSING, Case, partition, to};
use crate::testing::Observer;
use crate::transport::{Note, Outgoing, TopicPartition, TopicSpec, Transaction, TransactionError};

/// A member that has the only partition of its topic, and commits by transactions.
struct Scene {
    case: Case,
    member: Observer,
    from: TopicPartition,
    /// Where it writes.
    out: TopicPartition,
}

impl Scene {
    async fn new(case: Case) -> Self {
        let topic = case.topic(1).await;
        let out = case.topic_like(TopicSpec::new(case.name("out"), 1)).await;
        let from = partition(&topic, 0);
        case.send_to(&from, &["a", "b", "c"]).await;
        let member = case.join_owning(&topic, 1).await;
        Self {
            member,
            from,
            out: partition(&out, 0),
            case,
        }
    }

    fn id(&self) -> Arc<str> {
        self.case.name("id")
    }

    /// The next offset to process, and what is noted there.
    fn up_to(&self, next: i64, text: &str) -> Vec<Note> {
        vec![Note {
            partition: self.from.clone(),
            next,
            text: Arc::from(text),
        }]
    }

    fn written(&self, texts: &[&str]) -> Vec<Outgoing> {
        texts.iter().map(|text| to(&self.out, text)).collect()
    }

    /// A reader of what is committed.
    async fn reader(&self) -> Observer {
        let group = self.case.name("readers");
        Observer::join(&*self.case.transport, &group, &[&self.out.topic])
            .await
            .unwrap()
    }
}

fn transaction(records: Vec<Outgoing>, offsets: Vec<Note>) -> Arc<Transaction> {
    Arc::new(Transaction {
        records,
        offsets,
        void: CancellationToken::new(),
    })
}

pub(super) async fn a_transaction_commits_records_offsets_and_their_notes(case: Case) {
    let scene = Scene::new(case).await;
    let transactions = scene.member.transactions(&scene.id()).await.unwrap();
    let both = transaction(scene.written(&["x", "y"]), scene.up_to(2, "mind the gap"));
    transactions.commit(both).await.unwrap();
    let places = [scene.from.clone()];
    assert_eq!(scene.member.notes(&places).await.unwrap(), ["mind the gap"]);
    let reader = scene.reader().await;
    reader
        .until("what was written", |seen| seen.payloads() == ["x", "y"])
        .await;

    // Offsets alone, which take the note away.
    let offsets = transaction(Vec::new(), scene.up_to(2, ""));
    transactions.commit(offsets).await.unwrap();
    assert_eq!(scene.member.notes(&places).await.unwrap(), [""]);
    drop(transactions);
    scene.member.close(CLOSING).await;
    let next = scene.case.join(&scene.from.topic).await;
    next.until("it goes on there", |seen| seen.payloads() == ["c"])
        .await;
}

pub(super) async fn a_transaction_with_a_record_that_no_topic_takes_leaves_nothing(case: Case) {
    let scene = Scene::new(case).await;
    let transactions = scene.member.transactions(&scene.id()).await.unwrap();
    let mut records = scene.written(&["never"]);
    records.push(to(&partition(&scene.case.name("nowhere"), 0), "lost"));
    let refused = transactions
        .commit(transaction(records, scene.up_to(1, "")))
        .await;
    let Err(TransactionError::Refused { record, .. }) = refused else {
        panic!("it was not refused: {refused:?}");
    };
    assert_eq!(record, 1);
    let good = transaction(scene.written(&["good"]), scene.up_to(2, ""));
    transactions.commit(good).await.unwrap();
    let reader = scene.reader().await;
    reader
        .until("what was committed", |seen| seen.payloads() == ["good"])
        .await;
}

pub(super) async fn a_void_transaction_is_fenced_and_leaves_nothing(case: Case) {
    let scene = Scene::new(case).await;
    let transactions = scene.member.transactions(&scene.id()).await.unwrap();
    let void = transaction(scene.written(&["never"]), scene.up_to(3, ""));
    void.void.cancel();
    let fenced = transactions.commit(void).await;
    assert_eq!(fenced, Err(TransactionError::Fenced));
    let good = transaction(scene.written(&["good"]), scene.up_to(1, ""));
    transactions.commit(good).await.unwrap();
    let reader = scene.reader().await;
    reader
        .until("what was committed", |seen| seen.payloads() == ["good"])
        .await;
}

pub(super) async fn who_commits_by_transactions_commits_in_no_other_way(case: Case) {
    let scene = Scene::new(case).await;
    let transactions = scene.member.transactions(&scene.id()).await.unwrap();
    let first = transaction(Vec::new(), scene.up_to(1, ""));
    transactions.commit(first).await.unwrap();
    let next = (scene.from.clone(), 2);
    scene.member.store(std::slice::from_ref(&next));
    assert!(scene.member.commit(&[next]).await.is_err());
    let noted = scene.up_to(2, "beside");
    assert!(scene.member.commit_noted(&noted).await.is_err());
    scene.member.close(CLOSING).await;
    let next = scene.case.join(&scene.from.topic).await;
    next.until("it goes on where the transaction says", |seen| {
        seen.payloads() == ["b", "c"]
    })
    .await;
}

pub(super) async fn a_transaction_for_a_partition_given_away_is_fenced(case: Case) {
    let topic = case.topic(2).await;
    let out = case.topic_like(TopicSpec::new(case.name("out"), 1)).await;
    let former = case.join_owning(&topic, 2).await;
    let transactions = former.transactions(&case.name("id")).await.unwrap();
    let owner = case.join(&topic).await;
    for member in [&former, &owner] {
        member
            .until("each has one", |seen| seen.owned.len() == 1)
            .await;
    }
    let given = owner.seen(|seen| seen.owned.first().cloned()).unwrap();
    let note = Note {
        partition: given.clone(),
        next: 1,
        text: Arc::default(),
    };
    let late = transaction(vec![to(&partition(&out, 0), "never")], vec![note]);
    let fenced = transactions.commit(late).await;
    assert_eq!(fenced, Err(TransactionError::Fenced));
    former.close(CLOSING).await;
    owner.close(CLOSING).await;
    case.send_to(&given, &["a"]).await;
    let last = case.join(&topic).await;
    last.until("nothing was committed", |seen| {
        seen.payloads_of(&given) == ["a"]
    })
    .await;
}
