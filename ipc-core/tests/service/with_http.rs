//! One application on Kafka and HTTP at once.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::{StreamExt as _, stream};
use http::Request;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ipc_core::client::Client;
use ipc_core::dispatch::Limits;
use ipc_core::extract::Offset;
use ipc_core::health::Health;
use ipc_core::service::Service;
use ipc_core::transport::memory::MemoryCluster;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::ServiceExt;

/// How many handlers have begun, and how many may end.
struct Turnstile {
    entered: Semaphore,
    leave: Semaphore,
}

fn app(turnstile: Arc<Turnstile>) -> Router {
    let wait = async |Extension(turnstile): Extension<Arc<Turnstile>>, Path(who): Path<String>| {
        turnstile.entered.add_permits(1);
        let leave = turnstile.leave.acquire().await;
        leave.expect("it is never closed").forget();
        format!("answered {who}")
    };
    let place = async |offset: Option<Offset>, peer: Option<Extension<ConnectInfo<SocketAddr>>>| {
        format!("offset {}, peer {}", offset.is_some(), peer.is_some())
    };
    let trickle = async |Extension(turnstile): Extension<Arc<Turnstile>>| {
        turnstile.entered.add_permits(1);
        let first = stream::iter([Ok::<_, Infallible>("the first piece")]);
        Body::from_stream(first.chain(stream::pending()))
    };
    Router::new()
        .route("/wait/{who}", get(wait))
        .route("/place", get(place))
        .route("/trickle", get(trickle))
        .layer(Extension(turnstile))
}

/// A service that is asked both ways.
struct Stage {
    service: Service,
    health: Health,
    address: SocketAddr,
    turnstile: Arc<Turnstile>,
    callers: Callers,
}

#[derive(Clone)]
struct Callers {
    kafka: Client,
    http: HttpClient<HttpConnector, Body>,
    address: SocketAddr,
}

impl Stage {
    async fn start() -> Self {
        Self::draining_within(Limits::default().drain).await
    }

    async fn draining_within(drain: Duration) -> Self {
        let mut limits = Limits::default();
        limits.drain = drain;
        let cluster = MemoryCluster::new(1);
        let turnstile = Arc::new(Turnstile {
            entered: Semaphore::new(0),
            leave: Semaphore::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has an address");
        let health = Health::new();
        let service = Service::builder("orders")
            .transport(Arc::new(cluster.transport()))
            .create_topics(1)
            .limits(limits)
            .health(health.clone())
            .serve_with_http(app(Arc::clone(&turnstile)), listener)
            .start()
            .await
            .expect("it serves");
        let kafka = Client::builder("web")
            .create_topics(1)
            .connect(Arc::new(cluster.transport()))
            .await
            .expect("it hears itself");
        Self {
            service,
            health,
            address,
            turnstile,
            callers: Callers {
                kafka,
                http: HttpClient::builder(TokioExecutor::new()).build_http(),
                address,
            },
        }
    }
}

impl Callers {
    async fn over_kafka(self, path: &str) -> String {
        let response = self.kafka.oneshot(request("orders", path)).await;
        text(response.expect("an answer").into_body()).await
    }

    async fn over_http(self, path: &str) -> String {
        let request = request(&self.address.to_string(), path);
        let response = self.http.request(request).await;
        text(Body::new(response.expect("an answer").into_body())).await
    }

    /// What becomes of a request that is not answered to its end.
    async fn broken_off(self, path: &str) -> BrokenOff {
        let request = request(&self.address.to_string(), path);
        match self.http.request(request).await {
            Err(_) => BrokenOff::BeforeTheHead,
            Ok(response) => match response.into_body().collect().await {
                Err(_) => BrokenOff::WithinTheBody,
                Ok(_) => BrokenOff::Nowhere,
            },
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum BrokenOff {
    BeforeTheHead,
    WithinTheBody,
    Nowhere,
}

fn request(authority: &str, path: &str) -> Request<Body> {
    Request::get(format!("http://{authority}{path}"))
        .body(Body::empty())
        .expect("the request is valid")
}

async fn text(body: Body) -> String {
    let body = body.collect().await.expect("a whole body").to_bytes();
    String::from_utf8(body.to_vec()).expect("it is text")
}

#[tokio::test]
async fn one_application_answers_on_kafka_and_on_http() {
    let stage = Stage::start().await;
    let callers = stage.callers;
    assert_eq!(
        callers.clone().over_kafka("/place").await,
        "offset true, peer false"
    );
    assert_eq!(callers.over_http("/place").await, "offset false, peer true");
    stage.service.stop().await;
}

#[tokio::test]
async fn one_drain_answers_what_was_asked_on_either() {
    let Stage {
        service,
        health,
        address,
        turnstile,
        callers,
    } = Stage::start().await;
    let mut calls = JoinSet::new();
    calls.spawn(callers.clone().over_kafka("/wait/kafka"));
    calls.spawn(callers.over_http("/wait/http"));
    let both = turnstile.entered.acquire_many(2).await;
    both.expect("it is never closed").forget();
    assert!(
        health
            .facts(Instant::now())
            .readiness(Instant::now())
            .is_ok()
    );

    let mut stopping = JoinSet::new();
    stopping.spawn(service.stop());
    refuses(address).await;
    let readiness = health.facts(Instant::now()).readiness(Instant::now());
    assert!(!readiness.is_ok(), "{readiness:?}");
    assert!(stopping.try_join_next().is_none());

    turnstile.leave.add_permits(2);
    let mut answers = calls.join_all().await;
    answers.sort_unstable();
    assert_eq!(answers, ["answered http", "answered kafka"]);
    stopping.join_all().await;
}

#[tokio::test]
async fn connections_still_in_use_at_the_bound_are_closed() {
    let Stage {
        service,
        address,
        turnstile,
        callers,
        ..
    } = Stage::draining_within(Duration::from_millis(50)).await;
    let mut hanging = JoinSet::new();
    hanging.spawn(callers.clone().broken_off("/wait/for-ever"));
    let mut trickling = JoinSet::new();
    trickling.spawn(callers.broken_off("/trickle"));
    let both = turnstile.entered.acquire_many(2).await;
    both.expect("it is never closed").forget();
    // one that asks nothing, and one in the middle of its request
    let silent = TcpStream::connect(address).await.expect("it accepts");
    let mut slow = TcpStream::connect(address).await.expect("it accepts");
    let half = slow.write_all(b"POST /place HTTP/1.1\r\ncontent-le").await;
    half.expect("it reads");

    service.stop().await;

    assert_eq!(hanging.join_all().await, [BrokenOff::BeforeTheHead]);
    assert_eq!(trickling.join_all().await, [BrokenOff::WithinTheBody]);
    for mut connection in [silent, slow] {
        let mut rest = Vec::new();
        // reset or closed: either is an end
        let _ = connection.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{rest:?}");
    }
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_service_that_is_dropped_accepts_no_more() {
    let Stage {
        service, address, ..
    } = Stage::start().await;
    drop(service);
    refuses(address).await;
}

/// Waits until nothing is accepted any more.
async fn refuses(address: SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
