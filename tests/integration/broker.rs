//! The broker that the other tests build on is a real one.

use std::{net::TcpStream, time::Duration};

use anyhow::{Context, Result};
use harness::{PrivateBroker, Topic, bootstrap};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    producer::{FutureProducer, FutureRecord},
};
use tokio::time::timeout;

/// Far beyond what anything here takes; it only turns a hang into a failure.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_shared_broker_takes_a_record_and_gives_it_back() -> Result<()> {
    let bootstrap = bootstrap();
    let topic = Topic::create(&bootstrap, "broker", 1).await?;

    produce(&bootstrap, &topic, "key", "payload").await?;

    assert_eq!(
        first_record(&bootstrap, &topic).await?,
        record("key", "payload")
    );
    Ok(())
}

#[tokio::test]
async fn a_private_broker_keeps_address_and_data_when_stopped_or_killed_and_started_again()
-> Result<()> {
    let broker = PrivateBroker::start().await?;
    let topic = Topic::create(broker.bootstrap(), "kept", 1).await?;
    produce(broker.bootstrap(), &topic, "key", "payload").await?;

    let twice = broker
        .start_again()
        .await
        .err()
        .context("it was started twice")?;
    assert!(twice.to_string().contains("stop it first"), "{twice}");

    broker.stop().await?;
    assert!(TcpStream::connect(broker.bootstrap()).is_err());
    broker.start_again().await?;
    assert_eq!(
        first_record(broker.bootstrap(), &topic).await?,
        record("key", "payload")
    );

    broker.kill().await?;
    assert!(TcpStream::connect(broker.bootstrap()).is_err());
    broker.start_again().await?;
    assert_eq!(
        first_record(broker.bootstrap(), &topic).await?,
        record("key", "payload")
    );
    Ok(())
}

type Record = (Option<Vec<u8>>, Option<Vec<u8>>);

fn record(key: &str, payload: &str) -> Record {
    (Some(key.into()), Some(payload.into()))
}

async fn produce(bootstrap: &str, topic: &Topic, key: &str, payload: &str) -> Result<()> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()?;
    let record = FutureRecord::to(topic.name()).key(key).payload(payload);
    producer
        .send(record, LIMIT)
        .await
        .map_err(|(error, _)| error)?;
    Ok(())
}

async fn first_record(bootstrap: &str, topic: &Topic) -> Result<Record> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", topic.name())
        .create()?;
    let mut from_the_beginning = TopicPartitionList::new();
    from_the_beginning.add_partition_offset(topic.name(), 0, Offset::Beginning)?;
    consumer.assign(&from_the_beginning)?;
    let message = timeout(LIMIT, consumer.recv())
        .await
        .context("no record")??;
    Ok((
        message.key().map(<[u8]>::to_vec),
        message.payload().map(<[u8]>::to_vec),
    ))
}
