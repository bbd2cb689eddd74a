//! What only the in-memory cluster does: deaths, faults, seeds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::*;
use crate::envelope::Envelope;
use crate::testing::Observer;
use crate::transport::Placed;

fn record(topic: &Arc<str>, partition: Option<i32>, payload: &str) -> Outgoing {
    Outgoing {
        topic: Arc::clone(topic),
        partition,
        envelope: Envelope {
            payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
            ..Envelope::default()
        },
    }
}

async fn send(transport: &MemoryTransport, record: Outgoing) -> Result<Placed, SendError> {
    let receipt = transport.append(&record);
    receipt.await
}

fn partition(topic: &Arc<str>, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: Arc::clone(topic),
        partition,
    }
}

async fn cluster(seed: u64, partitions: i32) -> (MemoryCluster, Arc<str>) {
    let cluster = MemoryCluster::new(seed);
    let topic: Arc<str> = Arc::from("t");
    let spec = TopicSpec::new(Arc::clone(&topic), partitions);
    cluster.transport().create_topics(&[spec]).await.unwrap();
    (cluster, topic)
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_is_replaced_once_its_session_timed_out() {
    let (cluster, topic) = cluster(1, 1).await;
    let (first, second) = (cluster.transport(), cluster.transport());
    let dies = Observer::join(&first, "g", &[&topic]).await.unwrap();
    dies.until("it has the partition", |seen| seen.owned.len() == 1)
        .await;
    let heir = Observer::join(&second, "g", &[&topic]).await.unwrap();

    let killed_at = Instant::now();
    first.kill();
    send(&second, record(&topic, None, "x")).await.unwrap();
    heir.until("it takes over", |seen| seen.payloads() == ["x"])
        .await;

    assert_eq!(killed_at.elapsed(), SESSION_TIMEOUT);
    assert_eq!(dies.seen(|seen| seen.payloads().len()), 0);
    assert!(!dies.seen(|seen| seen.closed));
    assert_eq!(
        send(&first, record(&topic, None, "y")).await,
        Err(SendError::Closed)
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_process_stored_and_did_not_commit_is_redelivered() {
    let (cluster, topic) = cluster(1, 1).await;
    let (first, second) = (cluster.transport(), cluster.transport());
    for payload in ["a", "b"] {
        send(&first, record(&topic, None, payload)).await.unwrap();
    }
    let partition = partition(&topic, 0);
    let dies = Observer::join(&first, "g", &[&topic]).await.unwrap();
    dies.until("both came", |seen| seen.records.len() == 2)
        .await;

    dies.store(&[(partition.clone(), 1)]);
    tokio::time::sleep(COMMIT_INTERVAL * 2).await;
    assert_eq!(cluster.committed("g", &partition), Some(1));

    dies.store(&[(partition.clone(), 2)]);
    first.kill();
    let heir = Observer::join(&second, "g", &[&topic]).await.unwrap();
    heir.until("the second came again", |seen| seen.payloads() == ["b"])
        .await;
    assert_eq!(cluster.committed("g", &partition), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_revocation_that_is_never_dropped_holds_the_group_up_no_longer_than_its_bound() {
    let (cluster, topic) = cluster(1, 2).await;
    let transport = cluster.transport();
    let stuck = Observer::join(&transport, "g", &[&topic]).await.unwrap();
    stuck
        .until("it has both", |seen| seen.owned.len() == 2)
        .await;
    stuck.hold();
    let asked_at = Instant::now();
    let other = Observer::join(&transport, "g", &[&topic]).await.unwrap();
    other
        .until("it gets its share", |seen| seen.owned.len() == 1)
        .await;
    assert_eq!(asked_at.elapsed(), REVOKE_BOUND);

    let moved = other.seen(|seen| seen.owned.first().cloned()).unwrap();
    stuck.store(&[(moved.clone(), 9)]);
    tokio::time::sleep(COMMIT_INTERVAL * 2).await;
    assert_eq!(cluster.committed("g", &moved), None);
}

#[tokio::test(start_paused = true)]
async fn a_topic_made_after_its_members_joined_is_assigned_to_them() {
    let cluster = MemoryCluster::new(1);
    let transport = cluster.transport();
    let topic: Arc<str> = Arc::from("late");
    let member = Observer::join(&transport, "g", &[&topic]).await.unwrap();
    member
        .until("it is told", |seen| seen.troubles.len() == 1)
        .await;
    let spec = TopicSpec::new(Arc::clone(&topic), 3);
    transport.create_topics(&[spec]).await.unwrap();
    member
        .until("it has the topic", |seen| seen.owned.len() == 3)
        .await;
}

#[tokio::test(start_paused = true)]
async fn record_timestamps_follow_the_paused_clock() {
    let (cluster, topic) = cluster(5, 1).await;
    let transport = cluster.transport();
    let begun = cluster.now();
    tokio::time::advance(Duration::from_secs(90)).await;
    send(&transport, record(&topic, None, "x")).await.unwrap();
    let reader = Observer::read(&transport, partition(&topic, 0), Start::Beginning)
        .await
        .unwrap();
    reader
        .until("it came", |seen| seen.records.len() == 1)
        .await;
    let timestamp = reader.seen(|seen| seen.records[0].origin.timestamp);
    assert_eq!(
        timestamp.millis(),
        Some(begun.plus(Duration::from_secs(90)))
    );
}

#[tokio::test(start_paused = true)]
async fn records_without_a_key_reach_every_partition() {
    let (cluster, topic) = cluster(3, 4).await;
    let transport = cluster.transport();
    let mut reached = BTreeSet::new();
    for _ in 0..100 {
        reached.insert(
            send(&transport, record(&topic, None, ""))
                .await
                .unwrap()
                .partition,
        );
    }
    assert_eq!(reached, BTreeSet::from([0, 1, 2, 3]));
}

/// Loses the ack of the first record, the second record, and the first fetch.
struct Storm {
    produced: u32,
    fetched: u32,
}

impl Faults for Storm {
    fn produce(&mut self, _record: &Outgoing, _partition: i32) -> Produce {
        self.produced += 1;
        match self.produced {
            1 => Produce::LoseAck,
            2 => Produce::LoseRecord,
            _ => Produce::Acknowledge,
        }
    }

    fn fetch(&mut self, _partition: &TopicPartition, _offset: i64) -> Fetch {
        self.fetched += 1;
        match self.fetched {
            1 => Fetch::Retry(Duration::from_secs(2)),
            _ => Fetch::Deliver,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn faults_decide_what_is_kept_acknowledged_and_fetched() {
    let (cluster, topic) = cluster(1, 1).await;
    let transport = cluster.transport();
    cluster.set_faults(Storm {
        produced: 0,
        fetched: 0,
    });
    let mut acknowledged = Vec::new();
    for payload in ["ack lost", "lost", "fine"] {
        let sent = send(&transport, record(&topic, None, payload)).await;
        acknowledged.push(sent.is_ok());
    }
    assert_eq!(acknowledged, [false, false, true]);

    let begun = Instant::now();
    let member = Observer::join(&transport, "g", &[&topic]).await.unwrap();
    member
        .until("what is kept came", |seen| {
            seen.payloads() == ["ack lost", "fine"]
        })
        .await;
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
}

/// Members come, go and die while records are sent; what each saw, and when.
async fn history(seed: u64) -> Vec<String> {
    let (cluster, topic) = cluster(seed, 6).await;
    let mut random = fastrand::Rng::with_seed(seed);
    let producer = cluster.transport();
    let mut members = Vec::new();
    let mut history = vec![format!("{:?}", cluster.now())];
    for round in 0..40 {
        match random.u8(0..4) {
            0 => {
                let process = cluster.transport();
                let member = Observer::join(&process, "g", &[&topic]).await.unwrap();
                members.push((process, member));
            }
            1 if members.len() > 1 => {
                let (process, member) = members.swap_remove(random.usize(0..members.len()));
                if random.bool() {
                    process.kill();
                } else {
                    member.close(Duration::from_secs(1)).await;
                }
                history.push(member.seen(|seen| format!("{seen:?}")));
            }
            _ => {
                let sent = send(&producer, record(&topic, None, &round.to_string())).await;
                history.push(format!("{sent:?}"));
            }
        }
        tokio::time::sleep(Duration::from_millis(random.u64(0..3000))).await;
    }
    let seen = members
        .iter()
        .map(|(_, member)| member.seen(|seen| format!("{seen:?}")));
    history.extend(seen);
    history
}

fn run_once(seed: u64) -> Vec<String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(history(seed))
}

#[test]
fn one_seed_has_one_history() {
    for seed in 0..20 {
        let history = run_once(seed);
        assert!(history.iter().any(|seen| seen.contains("offset: ")));
        assert_eq!(history, run_once(seed), "seed {seed}");
    }
    assert_ne!(run_once(1), run_once(2));
}
