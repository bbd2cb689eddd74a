//! Testing an HTTP application over Kafka with the tests it has.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ipc_core::client::Client;
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::health::Health;
use ipc_core::metrics::Metrics;
use ipc_core::service::{Application, Service};

use crate::config::{Config, KeyRule, Route};
use crate::server::Shim;
use crate::upstream::KafkaUpstream;

/// The service's name, which no test sees.
const SERVICE: &str = "application";

/// Serves an application over Kafka and HTTP: a development broker, the
/// application as a service and a gateway that sends it every request, all in
/// this process. When this returns, requests to the address are answered.
///
/// An existing HTTP test-suite that asks this address tests the application over
/// Kafka.
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use ipc_http_shim::testing::serve_over_kafka;
///
/// # async fn example() {
/// let app = Router::new().route("/", get(async || "hello"));
/// let address = serve_over_kafka(app).await;
/// // let response = reqwest::get(format!("http://{address}/")).await;
/// # }
/// ```
///
/// It is served for as long as the runtime lives that this is awaited on, which
/// in a test is the test.
///
/// # Panics
///
/// Where any of the three cannot start: the test is over then.
///
/// # Cancel safety
///
/// What was started goes on until it is dropped with the runtime.
pub async fn serve_over_kafka<A>(app: A) -> SocketAddr
where
    A: Application + Send,
{
    let broker = started("the development broker", EmbeddedBroker::start().await);
    let service = Service::builder(SERVICE)
        .kafka(broker.config())
        .create_topics(3);
    let service = started("the application", service.serve(app).start().await);
    service.assigned().await;
    let client = Client::builder("gateway").create_topics(1);
    let client = started("its client", client.connect_kafka(broker.config()).await);

    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let everything = ["/", "/{*path}"].map(|path| Route::call(path, SERVICE).key(KeyRule::None));
    let config = Config {
        listen: local,
        admin: None,
        routes: everything.to_vec(),
        ..Config::default()
    };
    let upstream = Arc::new(KafkaUpstream::from_client(client, Metrics::new()));
    let shim = started(
        "the gateway",
        Shim::bind(&config, upstream, Health::new()).await,
    );
    let address = shim.address();
    let serving = async move {
        shim.serve(std::future::pending()).await;
        drop((service, broker));
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the caller's runtime is its owner: a test has no other end"
    )]
    tokio::spawn(serving);
    address
}

fn started<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{what} cannot start: {error}"))
}
