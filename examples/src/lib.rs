//! What the examples share: a Kafka to run on, and an HTTP door to it.

mod gateway;

use std::env;

use ipc_core::embedded::EmbeddedBroker;
use ipc_core::transport::TransportError;
use ipc_core::transport::kafka::KafkaConfig;

pub use gateway::Gateway;

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The cluster that the environment variable `KAFKA_BOOTSTRAP_SERVERS` names;
/// where it is not set, a development broker inside this process.
///
/// # Errors
///
/// When the `KAFKA_` variables contradict each other, or no broker can be started.
///
/// # Cancel safety
///
/// Safe: a broker that was started ends.
pub async fn kafka() -> Result<KafkaConfig, TransportError> {
    if env::var_os("KAFKA_BOOTSTRAP_SERVERS").is_some() {
        return KafkaConfig::from_env();
    }
    Ok(EmbeddedBroker::start().await?.config())
}
