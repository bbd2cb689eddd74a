//! The Kafka transport on the development broker: what needs no real one.
#![cfg(feature = "embedded")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::envelope::Envelope;
use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};
use ipc_core::transport::{
    ClientStats, Event, Inlet, Outgoing, Received, SendError, Start, Subscription, TopicPartition,
    TopicSpec, TopologyPlan, Transport,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

type TestResult = Result<(), Box<dyn Error>>;

/// What must happen happens by then.
const PATIENCE: Duration = Duration::from_secs(60);

async fn broker_with(
    topics: &[TopicSpec],
) -> Result<(EmbeddedBroker, KafkaTransport), Box<dyn Error>> {
    let broker = EmbeddedBroker::start().await?;
    let transport = KafkaTransport::connect(broker.config()).await?;
    transport.create_topics(topics).await?;
    Ok((broker, transport))
}

fn record(topic: &str, partition: impl Into<Option<i32>>, key: &str, payload: &str) -> Outgoing {
    Outgoing {
        topic: topic.into(),
        partition: partition.into(),
        envelope: Envelope {
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
            ..Envelope::default()
        },
    }
}

async fn sent(transport: &KafkaTransport, record: Outgoing) -> Result<i32, SendError> {
    let receipt = transport.append(&record);
    receipt.await.map(|placed| placed.partition)
}

fn events() -> (Box<dyn Inlet>, mpsc::Receiver<Event>) {
    let (events, inbox) = mpsc::channel(1024);
    let inlet = move |event| {
        // A test that has seen enough has gone away.
        let _ = events.try_send(event);
    };
    (Box::new(inlet), inbox)
}

async fn next_record(inbox: &mut mpsc::Receiver<Event>) -> Option<Received> {
    loop {
        if let Event::Records(mut records) = inbox.recv().await? {
            return Some(records.remove(0));
        }
    }
}

fn payload(record: &Received) -> &[u8] {
    record.envelope.payload.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_told_with_the_reason() -> TestResult {
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .to_string();
    let config = KafkaConfig::new(&*address).startup_timeout(Duration::from_secs(1));
    let error = KafkaTransport::connect(config).await.unwrap_err();
    assert!(error.is_unreachable());
    let error = error.to_string();
    assert!(error.contains(&address), "{error}");
    assert!(error.contains("refused"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_host_that_does_not_resolve_is_told_as_such() {
    let config = KafkaConfig::new("kafka.invalid:9092").startup_timeout(Duration::from_secs(1));
    let error = KafkaTransport::connect(config).await.unwrap_err();
    assert!(error.is_unreachable());
    let error = error.to_string();
    assert!(error.contains("kafka.invalid:9092"), "{error}");
    assert!(error.contains("resolve"), "{error}");
}

#[tokio::test]
async fn mistakes_in_the_configuration_are_found_before_anything_is_asked() {
    let config = KafkaConfig::new("nowhere")
        .set("liger.ms", 5)
        .set("acks", 1);
    let error = KafkaTransport::connect(config).await.unwrap_err();
    assert!(error.is_configuration());
    let error = error.to_string();
    for part in ["3 mistakes", "\"nowhere\"", "liger.ms", "acks"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[tokio::test]
async fn what_the_cluster_lacks_is_listed_with_the_commands_that_mend_it() -> TestResult {
    let (broker, transport) = broker_with(&[TopicSpec::new("orders.requests", 4)]).await?;
    let plan = TopologyPlan::new()
        .topic(TopicSpec::new("orders.requests", 12))
        .topic(TopicSpec::new("orders.control", 1).exactly())
        .writes("shim.replies");
    let error = transport.check(&plan).await.unwrap_err();
    assert!(error.is_missing_topic());
    let error = error.to_string();
    for part in [
        "orders.requests has 4 partitions, 12 wanted",
        "orders.control is missing",
        "shim.replies is missing",
        "--alter --topic orders.requests --partitions 12",
        "--create --if-not-exists --topic orders.control --partitions 1",
        broker.config().bootstrap(),
    ] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    let met = TopologyPlan::new().topic(TopicSpec::new("orders.requests", 4));
    Ok(transport.check(&met).await?)
}

#[tokio::test]
async fn a_key_lands_where_the_java_client_puts_it() -> TestResult {
    const PARTITIONS: i32 = 7;
    let (_broker, transport) = broker_with(&[TopicSpec::new("t", PARTITIONS)]).await?;
    // Hashes that the Java client's own tests hold for its murmur2.
    let known: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        (
            "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
            -58_897_971,
        ),
        ("abc", 479_470_107),
    ];
    for (key, hash) in known {
        let partition = sent(&transport, record("t", None, key, "")).await?;
        assert_eq!(partition, (hash & 0x7fff_ffff) % PARTITIONS, "{key}");
    }
    Ok(())
}

#[tokio::test]
async fn a_reader_sees_what_is_sent_after_it_was_made_and_nothing_before() -> TestResult {
    let (_broker, transport) = broker_with(&[TopicSpec::new("t", 2)]).await?;
    let from = TopicPartition {
        topic: "t".into(),
        partition: 1,
    };
    sent(&transport, record("t", 1, "k", "before")).await?;
    let (inlet, mut inbox) = events();
    let reader = transport.read(from.clone(), Start::End, inlet).await?;
    sent(&transport, record("t", 0, "k", "elsewhere")).await?;
    sent(&transport, record("t", 1, "k", "after")).await?;
    let seen = next_record(&mut inbox).await.ok_or("closed")?;
    assert_eq!(payload(&seen), b"after");
    assert_eq!((&seen.origin.partition, seen.origin.offset), (&from, 1));
    reader.close(Duration::from_secs(10)).await;
    assert!(matches!(inbox.recv().await, Some(Event::Closed)));
    Ok(())
}

#[tokio::test]
async fn a_partition_that_does_not_exist_cannot_be_read() -> TestResult {
    let (_broker, transport) = broker_with(&[TopicSpec::new("t", 1)]).await?;
    let from = TopicPartition {
        topic: "t".into(),
        partition: 9,
    };
    let error = transport
        .read(from, Start::End, events().0)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("t[9]"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_member_goes_on_after_the_last_stored_offset() -> TestResult {
    let (_broker, transport) = broker_with(&[TopicSpec::new("t", 1)]).await?;
    for text in ["one", "two", "three"] {
        sent(&transport, record("t", 0, "k", text)).await?;
    }
    let subscription = Subscription {
        group: "g".into(),
        topics: vec!["t".into()],
    };
    let (inlet, mut inbox) = events();
    let member = transport.subscribe(subscription.clone(), inlet).await?;
    assert!(matches!(inbox.recv().await, Some(Event::Assigned(_))));
    let first = next_record(&mut inbox).await.ok_or("closed")?;
    assert_eq!(payload(&first), b"one");
    member.store(&[(first.origin.partition, 1)]);
    // The revocation on close waits until it is let go of, so take the events.
    let take = async { while inbox.recv().await.is_some() {} };
    tokio::join!(member.close(Duration::from_secs(20)), take);

    let (inlet, mut inbox) = events();
    let member = transport.subscribe(subscription, inlet).await?;
    let next = next_record(&mut inbox).await.ok_or("closed")?;
    assert_eq!(payload(&next), b"two");
    drop(inbox);
    member.close(Duration::from_secs(20)).await;
    Ok(())
}

#[tokio::test]
async fn a_paused_partition_resumes_after_the_last_record_that_arrived() -> TestResult {
    let (_broker, transport) = broker_with(&[TopicSpec::new("t", 1)]).await?;
    let from = TopicPartition {
        topic: "t".into(),
        partition: 0,
    };
    let (inlet, mut inbox) = events();
    let reader = transport
        .read(from.clone(), Start::Beginning, inlet)
        .await?;
    sent(&transport, record("t", 0, "k", "one")).await?;
    assert_eq!(
        next_record(&mut inbox).await.as_ref().map(payload),
        Some(&b"one"[..])
    );
    reader.pause(vec![from.clone()]);
    reader.pause(vec![from.clone()]);
    reader.resume(vec![from.clone()]);
    reader.resume(vec![from]);
    sent(&transport, record("t", 0, "k", "two")).await?;
    assert_eq!(
        next_record(&mut inbox).await.as_ref().map(payload),
        Some(&b"two"[..])
    );
    reader.close(Duration::from_secs(10)).await;
    Ok(())
}

#[tokio::test]
async fn a_full_queue_is_told_at_once_and_what_waits_is_closed_with_the_transport() -> TestResult {
    let (broker, maker) = broker_with(&[TopicSpec::new("t", 1)]).await?;
    drop(maker);
    let config = broker
        .config()
        .set("queue.buffering.max.messages", 1)
        .set("linger.ms", 60_000)
        .set("message.timeout.ms", 120_000);
    let transport = KafkaTransport::connect(config).await?;
    let waiting = transport.append(&record("t", 0, "k", "waits"));
    assert_eq!(
        sent(&transport, record("t", 0, "k", "too many")).await,
        Err(SendError::QueueFull { limit: 1 })
    );
    drop(transport);
    assert_eq!(waiting.await, Err(SendError::Closed));
    Ok(())
}

#[tokio::test]
async fn closing_ends_although_the_broker_is_gone() -> TestResult {
    let (broker, transport) = broker_with(&[TopicSpec::new("t", 1)]).await?;
    let (inlet, mut inbox) = events();
    let subscription = Subscription {
        group: "g".into(),
        topics: vec!["t".into()],
    };
    let member = transport.subscribe(subscription, inlet).await?;
    assert!(matches!(inbox.recv().await, Some(Event::Assigned(_))));
    // Nothing of the member keeps it.
    drop((broker, transport));
    let is_lost = async { while !matches!(inbox.recv().await, Some(Event::Troubled(_))) {} };
    timeout(PATIENCE, is_lost).await?;
    drop(inbox);
    member.close(Duration::from_millis(200)).await;
    Ok(())
}

#[tokio::test]
async fn statistics_reach_the_sink_when_an_interval_is_set() -> TestResult {
    let broker = EmbeddedBroker::start().await?;
    let (seen, mut stats) = mpsc::channel(64);
    let sink = move |stats: &ClientStats| {
        let _ = seen.try_send(stats.clone());
    };
    let config = broker
        .config()
        .stats_sink(Arc::new(sink))
        .statistics_interval(Duration::from_millis(50));
    let transport = KafkaTransport::connect(config).await?;
    transport.create_topics(&[TopicSpec::new("t", 1)]).await?;
    sent(&transport, record("t", 0, "k", "v")).await?;
    loop {
        let stats = stats.recv().await.ok_or("no statistics")?;
        let answered = stats.brokers.iter().any(|b| b.up && b.round_trip.is_some());
        let knows_topic = stats.partitions.iter().any(|p| &*p.partition.topic == "t");
        if answered && knows_topic {
            break;
        }
    }
    Ok(())
}
