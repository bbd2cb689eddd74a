//! Accepting a request, and answering it in the end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::StatusCode;
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::transport::Transport;
use ipc_core::transport::kafka::KafkaTransport;
use ipc_core::transport::memory::MemoryCluster;
use ipc_http_shim::Shim;
use ipc_http_shim::upstream::NoUpstream;
use serde_json::Value;
use tokio::time::interval;

use super::{ROUTE, System, location, settled};
use crate::support::{Fake, Running, get, post, running_config, text, try_config, within};

async fn is_told_at_every_gateway(system: System) {
    let (one, other) = (system.gateway(ROUTE).await, system.gateway(ROUTE).await);

    let accepted = one.send(post("/orders/7", "tea")).await;
    let path = location(&accepted);
    let id = accepted.headers()["x-request-id"].clone();
    let told: Value = serde_json::from_str(&text(accepted).await).expect("it is JSON");
    assert_eq!(told["correlationId"], id.to_str().expect("it is text"));
    assert_eq!(told["status"], path.as_str());
    for gateway in [&one, &other] {
        let running = gateway.send(get(&path)).await;
        assert_eq!(location(&running), path);
        assert_eq!(running.headers()["cache-control"], "no-store");
    }

    system.allow(1);
    for gateway in [&one, &other] {
        let placed = settled(gateway, &path).await;
        assert_eq!(placed.status(), StatusCode::CREATED);
        assert_eq!(placed.headers()["x-order"], "7");
        assert_eq!(placed.headers()["x-request-id"], id);
        assert_eq!(text(placed).await, "placed tea");
    }
    // Who comes later reads it from the topic.
    let third = system.gateway(ROUTE).await;
    assert_eq!(text(settled(&third, &path).await).await, "placed tea");
    system.service.stop().await;
}

#[tokio::test]
async fn an_accepted_request_runs_until_its_service_has_answered() {
    is_told_at_every_gateway(System::in_memory().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gateway_tells_over_the_development_broker_too() {
    let broker = EmbeddedBroker::start().await.expect("a broker");
    let config = broker.config();
    let system = System::on(Arc::new(move || {
        let config = config.clone();
        async move {
            let connected = KafkaTransport::connect(config).await;
            let transport: Arc<dyn Transport> = Arc::new(connected.expect("it is reached"));
            transport
        }
        .boxed()
    }));
    is_told_at_every_gateway(system.await).await;
}

#[tokio::test]
async fn a_topic_that_is_missing_is_told_with_how_to_make_it() {
    let cluster = MemoryCluster::new(1);
    let config = ROUTE.replace("reply_partitions = 1\n", "operations.keep = \"30m\"\n");
    let config = running_config(&config);
    let shim = Shim::bind(&config, Arc::new(NoUpstream), Default::default()).await;
    let shim = shim.expect("it can be served");

    let connect = move || {
        let transport: Arc<dyn Transport> = Arc::new(cluster.transport());
        async { Ok(transport) }
    };
    let error = shim.agreeing_through(&config, connect).await.err();

    let error = error.expect("the topic is missing").to_string();
    for part in ["--topic shim.operations", "retention.ms=3600000"] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_could_not_be_sent_is_refused_and_none_of_it_is_kept() {
    let system = System::in_memory().await;
    let connect = Arc::clone(&system.connect);
    // It can send nothing that is answered later.
    let gateway = Running::start_agreeing(ROUTE, Fake::silent(), move || connect().map(Ok)).await;

    let refused = gateway.send(post("/orders/7", "tea")).await;

    assert_eq!(refused.status(), StatusCode::NOT_IMPLEMENTED);
    assert!(!refused.headers().contains_key("location"));
    within(async {
        let mut turns = interval(Duration::from_millis(20));
        loop {
            turns.tick().await;
            let metrics = text(gateway.probe("/metrics").await).await;
            let line = "ipc_shim_operations{state=\"running\"} 0";
            if metrics.lines().any(|it| it == line) {
                return;
            }
        }
    })
    .await;
}

#[test]
fn routes_that_operations_cannot_serve_are_mistakes() {
    let text = format!(
        "kafka.\"bootstrap.servers\" = \"nowhere:1\"\noperations.keep = \"10m\"\n{ROUTE}\
         within = \"11m\"\n\
         [[routes]]\npath = \"/operations/{{id}}\"\nservice = \"orders\"\n"
    );

    let mistakes = try_config(&text).expect_err("two routes are wrong");

    let told = mistakes.to_string();
    for part in [
        "within is longer than answers are kept",
        "path \"/operations/{id}\" is where accepted requests are asked for",
    ] {
        assert!(told.contains(part), "{told}");
    }
    // Where nothing is answered later that path is a path.
    let other = text.replace("mode = \"accepted\"\n", "");
    try_config(&other).expect("it is in order");
}
