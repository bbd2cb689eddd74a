//! Where a service's transport comes from.

use std::sync::Arc;

use crate::metrics::Metrics;
use crate::service::ServeError;
#[cfg(feature = "kafka")]
use crate::transport::kafka::{KafkaConfig, KafkaTransport};
use crate::transport::{TopicNames, Transport};

/// Where the transport comes from.
pub(super) enum Source {
    Unset,
    Transport(Arc<dyn Transport>),
    #[cfg(feature = "kafka")]
    Kafka(Box<KafkaConfig>),
}

impl Source {
    /// The names of topics there; without a prefix where nothing is said.
    pub(super) fn topic_names(&self) -> TopicNames {
        match self {
            Self::Unset => TopicNames::default(),
            Self::Transport(transport) => transport.topic_names(),
            #[cfg(feature = "kafka")]
            Self::Kafka(config) => config.topic_names().clone(),
        }
    }

    #[cfg_attr(
        not(feature = "kafka"),
        expect(unused_variables, reason = "told by Kafka alone")
    )]
    pub(super) async fn connect(self, metrics: &Metrics) -> Result<Arc<dyn Transport>, ServeError> {
        match self {
            Self::Transport(transport) => Ok(transport),
            #[cfg(feature = "kafka")]
            Self::Kafka(config) => {
                let config = config.or_stats_sink(Arc::new(metrics.clone()));
                Ok(Arc::new(KafkaTransport::connect(config).await?))
            }
            Self::Unset => Err(ServeError::Configuration(vec![
                "the service has no transport: give it one with kafka(..) or transport(..)"
                    .to_owned(),
            ])),
        }
    }
}
