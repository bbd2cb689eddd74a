//! The Kafka transport where only a real Kafka shows the truth.

use std::{collections::HashSet, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use harness::{PrivateBroker, Topic, bootstrap};
use ipc_core::{
    envelope::Envelope,
    transport::{
        Ack, Consumer, Event, Outgoing, Subscription, TopicPartition, TopicSpec, TopologyPlan,
        Transport,
        kafka::{KafkaConfig, KafkaTransport},
    },
};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, ResourceSpecifier},
    client::DefaultClientContext,
};
use tokio::{sync::mpsc, time::timeout};

const PATIENCE: Duration = Duration::from_secs(30);

async fn connect(bootstrap: &str) -> Result<KafkaTransport> {
    Ok(KafkaTransport::connect(KafkaConfig::new(bootstrap)).await?)
}

async fn send(transport: &KafkaTransport, topic: &Topic, partition: i32) -> Result<()> {
    let (ack, receipt) = Ack::pair();
    let record = Outgoing {
        topic: topic.name().into(),
        partition: Some(partition),
        envelope: Envelope {
            payload: Some(Bytes::from_static(b"x")),
            ..Envelope::default()
        },
    };
    transport.send(&record, ack);
    receipt.await?;
    Ok(())
}

async fn join(
    transport: &KafkaTransport,
    topic: &Topic,
) -> Result<(Consumer, mpsc::Receiver<Event>)> {
    let (events, inbox) = mpsc::channel(4096);
    let inlet = move |event| {
        // A test that has seen enough has gone away.
        let _ = events.try_send(event);
    };
    let subscription = Subscription {
        group: topic.name().into(),
        topics: vec![topic.name().into()],
    };
    let member = transport.subscribe(subscription, Box::new(inlet)).await?;
    Ok((member, inbox))
}

async fn next(inbox: &mut mpsc::Receiver<Event>) -> Result<Event> {
    timeout(PATIENCE, inbox.recv())
        .await
        .context("nothing happened")?
        .context("the consumer ended")
}

/// Waits for the first assignment that has partitions.
async fn assigned(inbox: &mut mpsc::Receiver<Event>) -> Result<Vec<TopicPartition>> {
    loop {
        match next(inbox).await? {
            Event::Assigned(partitions) if !partitions.is_empty() => return Ok(partitions),
            _ => {}
        }
    }
}

#[tokio::test]
async fn topics_are_created_with_their_settings_once() -> Result<()> {
    let transport = connect(&bootstrap()).await?;
    let topic = Topic::unused("created");
    let spec = TopicSpec::new(topic.name(), 5)
        .with("retention.ms", 300_000)
        .with("cleanup.policy", "delete");
    transport.create_topics(std::slice::from_ref(&spec)).await?;
    transport.create_topics(std::slice::from_ref(&spec)).await?;
    transport
        .check(&TopologyPlan::new().topic(spec.exactly()))
        .await?;

    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap())
        .create()?;
    let resources = [ResourceSpecifier::Topic(topic.name())];
    let described = admin
        .describe_configs(&resources, &AdminOptions::new())
        .await?;
    let settings = described.into_iter().next().context("no answer")??;
    let retention = settings.get("retention.ms").context("no retention")?;
    assert_eq!(retention.value.as_deref(), Some("300000"));
    Ok(())
}

#[tokio::test]
async fn a_topic_that_cannot_be_created_is_named_with_the_reason() -> Result<()> {
    let transport = connect(&bootstrap()).await?;
    let topic = Topic::unused("refused");
    let specs = [TopicSpec::new(topic.name(), 1).with("cleanup.policy", "sweep")];
    let error = transport
        .create_topics(&specs)
        .await
        .unwrap_err()
        .to_string();
    ensure!(error.contains(topic.name()), "{error}");
    Ok(())
}

#[tokio::test]
async fn missing_and_mis_sized_topics_are_told_in_one_error_with_their_mend() -> Result<()> {
    let transport = connect(&bootstrap()).await?;
    let small = Topic::create(&bootstrap(), "small", 2).await?;
    let large = Topic::create(&bootstrap(), "large", 3).await?;
    let missing = Topic::unused("missing");
    let foreign = Topic::unused("foreign");
    let plan = TopologyPlan::new()
        .topic(TopicSpec::new(small.name(), 6))
        .topic(TopicSpec::new(large.name(), 1).exactly())
        .topic(TopicSpec::new(missing.name(), 4).with("retention.ms", 60_000))
        .writes(foreign.name());
    let error = transport.check(&plan).await.unwrap_err();
    ensure!(error.is_missing_topic());
    let error = error.to_string();
    for part in [
        format!("topic {small} has 2 partitions, 6 wanted"),
        format!("topic {large} has 3 partitions, exactly 1 wanted"),
        format!("topic {missing} is missing (4 partitions wanted)"),
        format!("topic {foreign} is missing: its owner makes it"),
        format!("--alter --topic {small} --partitions 6"),
        format!(
            "--create --if-not-exists --topic {missing} --partitions 4 --config retention.ms=60000"
        ),
    ] {
        ensure!(error.contains(&part), "{part} is not in: {error}");
    }
    // Asking has made nothing.
    let names: [Arc<str>; 2] = [missing.name().into(), foreign.name().into()];
    assert_eq!(transport.topics(&names).await?, [None, None]);
    Ok(())
}

#[tokio::test]
async fn a_wrong_address_is_told_within_five_seconds() -> Result<()> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .to_string();
    let connecting = KafkaTransport::connect(KafkaConfig::new(&*address));
    let error = timeout(Duration::from_secs(5), connecting)
        .await
        .context("took longer")?
        .unwrap_err()
        .to_string();
    ensure!(
        error.contains(&address) && error.contains("refused"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn records_never_follow_the_revocation_of_their_partition() -> Result<()> {
    const PARTITIONS: i32 = 6;
    let transport = connect(&bootstrap()).await?;
    let topic = Topic::create(&bootstrap(), "order", PARTITIONS).await?;
    let (first, mut inbox) = join(&transport, &topic).await?;
    let mut ours: HashSet<TopicPartition> = assigned(&mut inbox).await?.into_iter().collect();
    assert_eq!(ours.len(), usize::try_from(PARTITIONS)?);

    let (second, mut other) = join(&transport, &topic).await?;
    let mut moved = 0;
    while moved == 0 {
        for partition in 0..PARTITIONS {
            send(&transport, &topic, partition).await?;
        }
        while let Ok(event) = inbox.try_recv() {
            match event {
                Event::Assigned(partitions) => ours.extend(partitions),
                Event::Revoked(revocation) => {
                    for partition in &revocation.partitions {
                        ensure!(ours.remove(partition), "{partition} was not ours");
                        moved += 1;
                    }
                }
                Event::Records(records) => {
                    for record in records {
                        let partition = &record.origin.partition;
                        ensure!(
                            ours.contains(partition),
                            "a record of {partition} came too late"
                        );
                    }
                }
                Event::Troubled(_) | Event::Closed => {}
            }
        }
    }
    let taken = assigned(&mut other).await?;
    let error = first
        .commit(&[(taken[0].clone(), 1)])
        .await
        .unwrap_err()
        .to_string();
    ensure!(error.contains("not assigned any more"), "{error}");
    drop((inbox, other));
    first.close(PATIENCE).await;
    second.close(PATIENCE).await;
    Ok(())
}

#[tokio::test]
async fn a_pause_does_not_outlive_the_assignment() -> Result<()> {
    let transport = connect(&bootstrap()).await?;
    let topic = Topic::create(&bootstrap(), "pause", 2).await?;
    let (first, mut inbox) = join(&transport, &topic).await?;
    let all = assigned(&mut inbox).await?;
    first.pause(all.clone());
    let (second, mut other) = join(&transport, &topic).await?;
    // One partition moves to the second member and comes back when that leaves.
    let moved = assigned(&mut other).await?;
    drop(other);
    second.close(PATIENCE).await;
    while !assigned(&mut inbox).await?.contains(&moved[0]) {}
    send(&transport, &topic, moved[0].partition).await?;
    loop {
        if let Event::Records(records) = next(&mut inbox).await? {
            assert_eq!(records[0].origin.partition, moved[0]);
            break;
        }
    }
    drop(inbox);
    first.close(PATIENCE).await;
    Ok(())
}

#[tokio::test]
async fn closing_ends_while_the_broker_is_down() -> Result<()> {
    let broker = PrivateBroker::start().await?;
    let transport = connect(broker.bootstrap()).await?;
    let topic = Topic::create(broker.bootstrap(), "down", 1).await?;
    let (member, mut inbox) = join(&transport, &topic).await?;
    let ours = assigned(&mut inbox).await?;
    broker.kill().await?;
    member.store(&[(ours[0].clone(), 1)]);
    let (ack, receipt) = Ack::pair();
    let lost = Outgoing {
        topic: topic.name().into(),
        partition: None,
        envelope: Envelope::default(),
    };
    transport.send(&lost, ack);
    let within = Duration::from_secs(1);
    let error = transport.flush(within).await.unwrap_err().to_string();
    ensure!(
        error.starts_with("1 records are not acknowledged"),
        "{error}"
    );
    drop(inbox);
    timeout(Duration::from_secs(5), member.close(within))
        .await
        .context("close took longer")?;
    drop(transport);
    ensure!(
        timeout(PATIENCE, receipt)
            .await
            .context("nobody settled the record")?
            .is_err()
    );
    Ok(())
}
