//! A service over the development broker, and a shim in front of it.

use std::sync::Arc;

use axum::Router;
use ipc_core::client::Client;
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::metrics::Metrics;
use ipc_core::service::{Service, ServiceBuilder};
use ipc_core::transport::kafka::KafkaTransport;
use ipc_http_shim::upstream::KafkaUpstream;

use super::{Running, within};

/// A service over the development broker, and a shim in front of it.
pub(crate) struct OverKafka {
    pub(crate) shim: Running,
    service: Service,
    client: Client,
    #[expect(dead_code, reason = "it ends when it is dropped")]
    broker: EmbeddedBroker,
}

impl OverKafka {
    /// `app` as the service of this builder, and a shim with the routes and settings of
    /// `text`.
    pub(crate) async fn start(text: &str, service: ServiceBuilder, app: Router) -> Self {
        let broker = EmbeddedBroker::start().await.expect("a broker");
        let transport = async || {
            let connected = KafkaTransport::connect(broker.config()).await;
            Arc::new(connected.expect("it is reached"))
        };
        let service = service.create_topics(3).transport(transport().await);
        let service = service.serve(app).start().await.expect("it serves");
        let metrics = Metrics::new();
        let client = Client::builder("shim")
            .create_topics(3)
            .metrics(metrics.clone())
            .connect(transport().await)
            .await
            .expect("it hears itself");
        let upstream = KafkaUpstream::from_client(client.clone(), metrics);
        Self {
            shim: Running::start(text, upstream).await,
            service,
            client,
            broker,
        }
    }

    pub(crate) async fn stop(self) {
        within(self.service.stop()).await;
        within(self.client.close()).await;
    }
}
