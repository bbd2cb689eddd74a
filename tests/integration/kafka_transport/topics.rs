//! Topics: making them, and telling what is wrong with them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use harness::{Topic, bootstrap};
use ipc_core::transport::{
    TopicSpec, TopologyPlan, Transport,
    kafka::{KafkaConfig, KafkaTransport},
};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, ResourceSpecifier},
    client::DefaultClientContext,
};
use tokio::time::timeout;

use super::connect;

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
