//! The Kafka transport does what every transport must.

use std::sync::Arc;

use harness::Topic;
use ipc_core::testing::conformance::{self, Fixture};
use ipc_core::transport::Transport;
use ipc_core::transport::kafka::{KafkaConfig, KafkaTransport};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kafka_transport_conforms() {
    let connect = || async {
        let config = KafkaConfig::new(harness::bootstrap());
        let transport = KafkaTransport::connect(config).await;
        let transport: Arc<dyn Transport> = Arc::new(transport.expect("the broker answers"));
        transport
    };
    let run = Topic::unused("conformance");
    conformance::run(Fixture::new(run.name(), connect)).await;
}
