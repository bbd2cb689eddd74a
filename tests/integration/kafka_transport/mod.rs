//! The Kafka transport where only a real Kafka shows the truth.

mod consumers;
mod topics;

use anyhow::Result;
use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};

async fn connect(bootstrap: &str) -> Result<KafkaTransport> {
    Ok(KafkaTransport::connect(KafkaConfig::new(bootstrap)).await?)
}
