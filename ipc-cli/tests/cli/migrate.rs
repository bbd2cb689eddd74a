//! `ipc migrate`, as a platform team uses it: two gateways before a legacy server that
//! differs from the service in one field, on purpose.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use axum::routing::{get, post};
use axum::{Json, Router};
use harness::{Stage, Topic, eventually, within};
use ipc_core::health::Health;
use ipc_http_shim::Shim;
use ipc_http_shim::config::{Overrides, load};
use ipc_http_shim::upstream::KafkaUpstream;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::command::{found, json, text};

const MOVING: &str =
    "[routes.migration]\nname = \"orders\"\nsteps = [\"shadow\", \"50%\", \"kafka\"]\n";

/// The application, of which two are served: the legacy one over HTTP, the other over
/// Kafka. They differ where `total` does.
fn application(total: &Arc<AtomicU64>) -> Router {
    let total = Arc::clone(total);
    let order = async move || Json(json!({"total": total.load(Ordering::Acquire)}));
    Router::new().route("/orders/{id}", get(order))
}

struct Gateways {
    stage: Stage,
    fleet: String,
    addresses: Vec<SocketAddr>,
    serving: JoinSet<()>,
    asked: u64,
}

impl Gateways {
    async fn start(stage: Stage, legacy: SocketAddr, count: usize) -> Result<Self> {
        Self::moving(stage, legacy, count, MOVING).await
    }

    /// `moving` ends the route, and says how it moves.
    async fn moving(stage: Stage, legacy: SocketAddr, count: usize, moving: &str) -> Result<Self> {
        let fleet = Topic::unused("gateways").name().to_owned();
        let mut this = Self {
            addresses: Vec::new(),
            serving: JoinSet::new(),
            asked: 0,
            stage,
            fleet,
        };
        for _ in 0..count {
            let config = format!(
                "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nfleet = \"{}\"\n\
                 legacy = \"http://{legacy}\"\nreply_partitions = 2\n\
                 kafka.\"bootstrap.servers\" = \"{}\"\n\
                 [[routes]]\npath = \"/orders/{{id}}\"\nservice = \"{}\"\n{moving}",
                this.fleet,
                this.stage.bootstrap(),
                this.stage.name(),
            );
            let config = load("shim.toml", &config, &Overrides::default())?;
            let health = Health::new();
            let upstream = KafkaUpstream::connect(&config, &health).await?;
            let shim = Shim::bind(&config, Arc::new(upstream), health).await?;
            let shim = shim.agreeing(&config, config.kafka_config()).await?;
            this.addresses.push(shim.address());
            this.serving.spawn(async move {
                shim.serve(std::future::pending()).await;
            });
        }
        this.heard(count).await?;
        Ok(this)
    }

    /// Waits until so many have told the others of their route: before, no command finds it.
    async fn heard(&self, count: usize) -> Result<()> {
        let args = ["migrate", "status", "--fleet", &self.fleet];
        eventually("the gateways are heard", async || {
            let routes = json(&self.stage, 0, &args).await?;
            Ok(routes.iter().any(|route| route["gateways"] == count))
        })
        .await
    }

    /// What each gateway answers to a request for an order of its own.
    async fn ask(&mut self) -> Result<Vec<Value>> {
        let mut totals = Vec::new();
        for address in &self.addresses {
            self.asked += 1;
            let answer = fetch(*address, &format!("/orders/{}", self.asked)).await?;
            totals.push(answer["total"].clone());
        }
        Ok(totals)
    }

    async fn status(&self) -> Result<Value> {
        let args = ["migrate", "status", "orders", "--fleet", &self.fleet];
        let mut routes = json(&self.stage, 0, &args).await?;
        routes.pop().context("the route is not told")
    }

    async fn command(&self, args: &[&str]) -> Result<String> {
        self.ended(0, args).await
    }

    /// What a command says that ends with `code`.
    async fn ended(&self, code: i32, args: &[&str]) -> Result<String> {
        let fleet = ["--fleet", &self.fleet];
        text(&self.stage, code, &[&["migrate"], args, &fleet].concat()).await
    }
}

async fn request(address: SocketAddr, method: &str, path: &str) -> Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let head = "HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let request = format!("{method} {path} {head}");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    within("the answer", connection.read_to_string(&mut answer)).await??;
    Ok(answer)
}

async fn fetch(address: SocketAddr, path: &str) -> Result<Value> {
    let answer = request(address, "GET", path).await?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
    serde_json::from_str(body).with_context(|| answer.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_is_compared_moved_and_taken_back_by_hand() -> Result<()> {
    let (old, new) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(2)));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let legacy = listener.local_addr()?;
    let mut serving = JoinSet::new();
    let app = application(&old);
    serving.spawn(async move { axum::serve(listener, app).await });
    let stage = Stage::new("migrate");
    let service = stage.service(1).serve(application(&new)).start().await?;
    let mut gateways = Gateways::start(stage, legacy, 2).await?;

    // The service differs: every client sees the legacy answer, and the difference is counted.
    eventually("differences of both gateways are counted", async || {
        assert_eq!(gateways.ask().await?, [json!(1), json!(1)]);
        let status = gateways.status().await?;
        Ok(status["gateways"] == 2 && status["counts"]["differ_json"].as_u64() > Some(2))
    })
    .await?;

    let told = gateways
        .command(&["promote", "orders", "--to", "kafka", "--by", "Ann"])
        .await?;
    found(&told, &["orders", "kafka", "promote to kafka: Ann"])?;
    eventually("both gateways answer from the service", async || {
        Ok(gateways.ask().await? == [json!(2), json!(2)])
    })
    .await?;

    let told = gateways.command(&["rollback", "orders"]).await?;
    found(&told, &["shadow", "rollback"])?;
    eventually("both gateways answer from the legacy server", async || {
        Ok(gateways.ask().await? == [json!(1), json!(1)])
    })
    .await?;

    let status = gateways.status().await?;
    assert_eq!(status["generation"], 2);
    assert_eq!(status["held"], "rollback");
    service.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_to_a_service_is_told_and_waited_for() -> Result<()> {
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    let application = Router::new().route(
        "/orders/{id}",
        post(async move || {
            // Never closed; a permit is used up.
            if let Ok(permit) = waiting.acquire().await {
                permit.forget();
            }
        }),
    );
    let legacy = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let stage = Stage::new("migrate-backlog");
    let service = stage.service(1).serve(application).start().await?;
    let moving = "mode = \"one_way\"\n[routes.migration]\nname = \"orders\"\nsteps = [\"kafka\"]\n";
    let gateways = Gateways::moving(stage, legacy, 1, moving).await?;
    for id in 0..3 {
        let told = request(gateways.addresses[0], "POST", &format!("/orders/{id}")).await?;
        assert!(told.starts_with("HTTP/1.1 202"), "{told}");
    }

    let told = gateways
        .ended(3, &["rollback", "orders", "--drain", "1s"])
        .await?;
    found(
        &told,
        &["3 requests in the log of", "after 1s 3 of them are left"],
    )?;
    gate.add_permits(3);
    let told = gateways
        .command(&["rollback", "orders", "--drain", "1m"])
        .await?;

    found(&told, &["has worked on all of them"])?;
    service.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_is_not_there_is_named_with_those_that_are() -> Result<()> {
    let stage = Stage::new("migrate-unknown");
    let legacy = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let gateways = Gateways::start(stage, legacy, 1).await?;

    let args = ["migrate", "promote", "ordres", "--fleet", &gateways.fleet];
    let told = text(&gateways.stage, 2, &args).await?;

    found(&told, &["\"ordres\"", "there are orders"])
}
