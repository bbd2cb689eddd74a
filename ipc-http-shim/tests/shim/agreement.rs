//! Gateways that agree where their routes stand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use ipc_core::transport::memory::{MemoryCluster, MemoryTransport};
use ipc_core::transport::{Outgoing, TopicSpec, Transport};
use ipc_http_shim::migration::Stage;
use ipc_http_shim::migration::record::{Command, Record, Wanted};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::{interval, timeout};

use crate::support::{Fake, Legacy, Running, get, running_config, text};

/// Far beyond what anything here takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(60);

fn answered(status: u16, body: &str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .expect("the answer is valid")
}

/// What the service answers, to every gateway.
type Answer = Arc<Mutex<(u16, &'static str)>>;

/// A fleet of gateways on one cluster.
struct Fleet {
    cluster: MemoryCluster,
    old: Legacy,
    answer: Answer,
    /// At the top of the file, of the route, and of how it moves.
    top: String,
    route: &'static str,
    rules: &'static str,
}

impl Fleet {
    async fn new(rules: &'static str) -> Self {
        let fallback = async || answered(200, "{\"total\":1}");
        Self {
            cluster: MemoryCluster::new(1),
            old: Legacy::start(Router::new().fallback(fallback)).await,
            answer: Arc::new(Mutex::new((200, "{\"total\":1}"))),
            top: String::new(),
            route: "",
            rules,
        }
    }

    fn config(&self) -> String {
        format!(
            "legacy = \"http://{}\"\nreply_partitions = 1\n{}\
             [[routes]]\npath = \"/orders/{{id}}\"\nservice = \"orders\"\n{}\
             [routes.migration]\nname = \"orders\"\n{}",
            self.old.address, self.top, self.route, self.rules
        )
    }

    async fn gateway(&self) -> Running {
        let answer = Arc::clone(&self.answer);
        let fake = Fake::calls(move |_| {
            let (status, body) = *answer.lock();
            async move { Ok(answered(status, body)) }
        });
        let cluster = self.cluster.clone();
        Running::start_agreeing(&self.config(), fake.and_takes_one_ways(), move || {
            let transport: Arc<dyn Transport> = Arc::new(cluster.transport());
            async { Ok(transport) }
        })
        .await
    }

    async fn command(&self, command: Command) {
        let wanted = Wanted {
            command,
            by: "a test".to_owned(),
        };
        let record = Record::Command {
            route: "orders".to_owned(),
            wanted,
        };
        let transport: MemoryTransport = self.cluster.transport();
        let outgoing = Outgoing {
            topic: "ipc.migration".into(),
            partition: Some(0),
            envelope: record.to_envelope("shim"),
        };
        transport.append(&outgoing).await.expect("it is written");
    }
}

/// Asks the gateways in turn until one of them, and each in the end, stands as expected.
async fn stand(gateways: &[&Running], expected: impl Fn(&Value) -> bool) -> Vec<Value> {
    let asking = async {
        let mut turns = interval(Duration::from_millis(20));
        for number in 0_u64.. {
            turns.tick().await;
            let mut told = Vec::new();
            for gateway in gateways {
                gateway.send(get(&format!("/orders/{number}"))).await;
                let status = text(gateway.probe("/admin/migration").await).await;
                let status: Value = serde_json::from_str(&status).expect("it is JSON");
                told.push(status["routes"][0].clone());
            }
            if told.iter().all(&expected) {
                return told;
            }
        }
        Vec::new()
    };
    timeout(PATIENCE, asking).await.expect("it comes about")
}

const QUICK: &str = "steps = [\"shadow\", \"50%\", \"kafka\"]\n\
    automatic = true\nrequests = 10\nover = \"1s\"\n";

#[tokio::test]
async fn a_route_that_proves_itself_is_moved_by_every_gateway_and_a_fault_moves_it_back() {
    let fleet = Fleet::new(QUICK).await;
    *fleet.answer.lock() = (200, "{\"total\":2}");
    let (one, other) = (fleet.gateway().await, fleet.gateway().await);
    let both = [&one, &other];

    // The service differs in one field: it is found, and nothing goes on.
    let told = stand(&both, |route| {
        route["counts"]["differ_json"]
            .as_u64()
            .is_some_and(|count| count > 10)
    });
    for route in told.await {
        assert_eq!(route["stage"], "shadow");
        assert_eq!(route["samples"][0]["differences"][0]["place"], "/total");
    }

    // After the mend it goes on by itself, at both.
    *fleet.answer.lock() = (200, "{\"total\":1}");
    let told = stand(&both, |route| route["stage"] == "kafka").await;
    assert_eq!(told[0]["generation"], told[1]["generation"]);

    // With a planted fault it goes back by itself, and is held there.
    *fleet.answer.lock() = (500, "{}");
    let told = stand(&both, |route| route["stage"] == "shadow").await;
    for route in told {
        let held = route["held"].as_str().expect("it is held");
        assert!(held.contains("requests failed"), "{held}");
    }
    let answer = one.send(get("/orders/7")).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn commands_move_a_route_hold_it_and_are_obeyed_once() {
    let fleet = Fleet::new("requests = 1\nover = \"100ms\"\n").await;
    let (one, other) = (fleet.gateway().await, fleet.gateway().await);
    let both = [&one, &other];
    // Not automatic: nothing goes on by itself.
    stand(&both, |route| {
        route["counts"]["compared"].as_u64() > Some(3)
    })
    .await;

    fleet.command(Command::Promote(None)).await;
    let told = stand(&both, |route| route["stage"] == "10%").await;
    assert_eq!(told[0]["why"], "promote: a test");
    fleet
        .command(Command::Promote(Some(
            "kafka".parse().expect("it is a stage"),
        )))
        .await;
    stand(&both, |route| route["stage"] == "kafka").await;
    fleet.command(Command::Rollback(None)).await;
    let told = stand(&both, |route| route["stage"] == "shadow").await;
    assert_eq!(told[0]["held"], "rollback: a test");

    // Who comes later finds it where it is, and obeys nothing again.
    let third = fleet.gateway().await;
    let told = stand(&[&one, &other, &third], |route| route["generation"] == 3).await;
    assert!(told.iter().all(|route| route["stage"] == "shadow"));
}

#[tokio::test]
async fn another_gateway_decides_when_the_first_has_gone() {
    let fleet = Fleet::new("").await;
    let (mut one, other) = (fleet.gateway().await, fleet.gateway().await);
    fleet.command(Command::Promote(None)).await;
    stand(&[&one, &other], |route| route["stage"] == "10%").await;

    one.stop();
    one.ended().await;
    fleet.command(Command::Promote(None)).await;

    stand(&[&other], |route| route["stage"] == "50%").await;
}

#[tokio::test]
async fn garbage_in_the_topic_moves_nothing() {
    let fleet = Fleet::new("").await;
    let one = fleet.gateway().await;
    let transport = fleet.cluster.transport();
    let pairs = BTreeMap::from([
        (
            "position/shim/orders",
            "{\"generation\":9,\"stage\":\"110%\"}",
        ),
        (
            "position/other/orders",
            "{\"generation\":9,\"stage\":\"kafka\",\"since\":0,\"why\":\"\"}",
        ),
        ("command/shim/orders", "promote"),
        ("command/shim/unknown", "{\"command\":{\"promote\":null}}"),
        ("counts/shim/x", "[]"),
        ("nonsense", ""),
    ]);
    for (key, payload) in pairs {
        let mut envelope = ipc_core::envelope::Envelope::default();
        (envelope.key, envelope.payload) = (Some(key.into()), Some(payload.into()));
        let outgoing = Outgoing {
            topic: "ipc.migration".into(),
            partition: Some(0),
            envelope,
        };
        transport.append(&outgoing).await.expect("it is written");
    }

    fleet.command(Command::Pause).await;
    let told = stand(&[&one], |route| route["generation"] == 1).await;

    assert_eq!(told[0]["stage"], "shadow");
    assert_eq!(told[0]["held"], "pause: a test");
}

#[tokio::test]
async fn a_gateway_that_takes_a_new_configuration_over_stays_where_the_fleet_is() {
    let fleet = Fleet::new("").await;
    let one = fleet.gateway().await;
    fleet.command(Command::Promote(Some(Stage::Kafka))).await;
    stand(&[&one], |route| route["stage"] == "kafka").await;

    let next = format!(
        "{}\n[[routes]]\npath = \"/new\"\nmode = \"legacy\"\n",
        fleet.config()
    );
    one.live
        .change(&running_config(&next))
        .expect("nothing moves otherwise");

    let told = stand(&[&one], |_| true).await;
    assert_eq!(told[0]["stage"], "kafka");
    let metrics = text(one.probe("/metrics").await).await;
    let line = "ipc_shim_migration_percent{route=\"orders\"} 100";
    assert!(metrics.contains(line), "{metrics}");
    // It still obeys.
    fleet.command(Command::Rollback(None)).await;
    stand(&[&one], |route| route["stage"] == "shadow").await;
    assert_eq!(one.send(get("/new")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_route_without_replies_that_goes_back_tells_what_is_left_to_its_service() {
    let fleet = Fleet {
        route: "mode = \"one_way\"\n",
        ..Fleet::new("steps = [\"legacy\", \"kafka\"]\n").await
    };
    let transport = fleet.cluster.transport();
    let topic = TopicSpec::new("orders.requests", 2);
    let made = transport.create_topics(&[topic]).await;
    made.expect("the topic is made");
    let one = fleet.gateway().await;
    fleet.command(Command::Promote(None)).await;
    let told = stand(&[&one], |route| route["stage"] == "kafka").await;
    assert_eq!(told[0]["backlog"], Value::Null);
    // Nobody has taken these.
    for partition in [0, 1, 1] {
        let outgoing = Outgoing {
            topic: "orders.requests".into(),
            partition: Some(partition),
            envelope: ipc_core::envelope::Envelope::default(),
        };
        transport.append(&outgoing).await.expect("it is written");
    }

    fleet.command(Command::Rollback(None)).await;

    let told = stand(&[&one], |route| route["stage"] == "legacy").await;
    assert_eq!(
        told[0]["backlog"],
        json!({ "service": "orders", "records": 3 })
    );
    // Another command for the same stage changes nothing about it.
    fleet.command(Command::Pause).await;
    let told = stand(&[&one], |route| route["generation"] == 3).await;
    assert_eq!(told[0]["backlog"]["records"], 3);
}
