//! Steps of routes that move, as a webhook is told of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::post;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::BodyExt;
use ipc_core::transport::memory::MemoryCluster;
use ipc_core::transport::{Outgoing, Transport};
use ipc_http_shim::migration::record::{Command, Record, Wanted};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::{Fake, Legacy, Running};

/// Far beyond what anything here takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came, and what it is answered.
struct Hook {
    server: Legacy,
    /// Holds the credential.
    secret: NamedTempFile,
    told: mpsc::Receiver<(Value, StatusCode)>,
}

impl Hook {
    /// Answers with `statuses` in turn, and then 204.
    async fn start(statuses: Vec<StatusCode>) -> Self {
        let (sender, told) = mpsc::channel(64);
        let statuses = Arc::new(parking_lot::Mutex::new(statuses.into_iter()));
        let take = move |request: Request| {
            let (sender, statuses) = (sender.clone(), Arc::clone(&statuses));
            async move {
                let (head, body) = request.into_parts();
                assert_eq!(head.headers[CONTENT_TYPE], "application/cloudevents+json");
                assert_eq!(head.headers[AUTHORIZATION], "Bearer s3cret");
                let body = body.collect().await.expect("a body").to_bytes();
                let event = serde_json::from_slice(&body).expect("it is JSON");
                let status = statuses.lock().next().unwrap_or(StatusCode::NO_CONTENT);
                sender
                    .send((event, status))
                    .await
                    .expect("the test listens");
                status
            }
        };
        let secret = NamedTempFile::new().expect("a file");
        std::fs::write(secret.path(), "s3cret\n").expect("it is written");
        Self {
            server: Legacy::start(Router::new().route("/steps", post(take))).await,
            secret,
            told,
        }
    }

    async fn next(&mut self) -> (Value, StatusCode) {
        let next = timeout(PATIENCE, self.told.recv()).await;
        next.expect("it is told in time").expect("the hook runs")
    }
}

fn config(hook: &Hook) -> String {
    format!(
        "legacy = \"http://127.0.0.1:9\"\nreply_partitions = 1\n\
         [webhook]\nurl = \"http://{}/steps\"\n\
         headers = {{ authorization = \"Bearer ${{file:{}}}\" }}\n\
         [[routes]]\npath = \"/orders/{{id}}\"\nservice = \"orders\"\n\
         [routes.migration]\nname = \"orders\"\n",
        hook.server.address,
        hook.secret.path().display(),
    )
}

async fn gateway(cluster: &MemoryCluster, config: &str) -> Running {
    let cluster = cluster.clone();
    let fake = Fake::calls(|_| async { Ok(http::Response::default()) });
    Running::start_agreeing(config, fake, move || {
        let transport: Arc<dyn Transport> = Arc::new(cluster.transport());
        async { Ok(transport) }
    })
    .await
}

async fn command(cluster: &MemoryCluster, command: Command) {
    let wanted = Wanted {
        command,
        by: String::new(),
    };
    let record = Record::Command {
        route: "orders".to_owned(),
        wanted,
    };
    let outgoing = Outgoing {
        topic: "ipc.migration".into(),
        partition: Some(0),
        envelope: record.to_envelope("shim"),
    };
    let placed = cluster.transport().append(&outgoing).await;
    placed.expect("it is written");
}

#[tokio::test]
async fn every_step_is_told_once_and_in_order_whoever_decides() {
    let cluster = MemoryCluster::new(1);
    let mut hook = Hook::start(Vec::new()).await;
    let config = config(&hook);
    let mut one = gateway(&cluster, &config).await;
    let _other = gateway(&cluster, &config).await;

    command(&cluster, Command::Promote(None)).await;
    let (event, _) = hook.next().await;
    assert_eq!(event["id"], "shim/orders/1");
    assert_eq!(event["type"], "ipc.migration.moved");
    assert_eq!(event["data"]["from"], "shadow");
    assert_eq!(event["data"]["stage"], "10%");

    // Whoever takes over tells of what is new alone.
    one.stop();
    one.ended().await;
    command(&cluster, Command::Rollback(None)).await;
    let (event, _) = hook.next().await;
    assert_eq!(event["id"], "shim/orders/2");
    assert_eq!(event["data"]["stage"], "shadow");
    assert_eq!(event["data"]["held"], "rollback");
}

#[tokio::test]
async fn a_step_that_nobody_took_is_told_again_and_one_that_is_refused_is_not() {
    let cluster = MemoryCluster::new(1);
    let mut hook = Hook::start(vec![
        StatusCode::BAD_GATEWAY,
        StatusCode::OK,
        StatusCode::GONE,
    ])
    .await;
    let _one = gateway(&cluster, &config(&hook)).await;

    command(&cluster, Command::Promote(None)).await;
    let (first, status) = hook.next().await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    let (again, _) = hook.next().await;
    assert_eq!(first, again);

    command(&cluster, Command::Pause).await;
    let (refused, status) = hook.next().await;
    assert_eq!(
        (&refused["id"], status),
        (&json!("shim/orders/2"), StatusCode::GONE)
    );
    command(&cluster, Command::Resume).await;
    let (next, _) = hook.next().await;
    assert_eq!(next["id"], "shim/orders/3");
}
