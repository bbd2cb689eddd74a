//! Consumers: what they report in which order, and how they end.

use std::{collections::HashSet, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use harness::{PATIENCE, PrivateBroker, Topic, bootstrap, within};
use ipc_core::{
    envelope::Envelope,
    transport::{
        Ack, Consumer, Event, Outgoing, Subscription, TopicPartition, Transport,
        kafka::KafkaTransport,
    },
};
use tokio::{sync::mpsc, time::timeout};

use super::connect;

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
    within("the next event", inbox.recv())
        .await?
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
    let bound = Duration::from_secs(1);
    let error = transport.flush(bound).await.unwrap_err().to_string();
    ensure!(
        error.starts_with("1 records are not acknowledged"),
        "{error}"
    );
    drop(inbox);
    timeout(Duration::from_secs(5), member.close(bound))
        .await
        .context("close took longer")?;
    drop(transport);
    ensure!(within("the record's end", receipt).await?.is_err());
    Ok(())
}
