//! The table of cases through sockets: behind axum's own server, and behind
//! gateway, log and service, an application gives the same answers.
#![cfg(feature = "testing")]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING,
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use ipc_fidelity::{Case, TABLES, methods, mirror, paths};
use ipc_http_shim::testing::serve_over_kafka;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tower::ServiceExt;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The host that stands for the application that answers with what it sees.
const MIRROR: &str = "mirror.example";

fn cases() -> impl Iterator<Item = &'static Case> {
    TABLES.iter().copied().flatten()
}

/// The applications of all cases behind one address: the host says which is
/// asked. Each request gets an instance of its own.
fn every_application() -> Router {
    async fn pick(request: Request) -> Response {
        let host = request.headers()[HOST].to_str().expect("it is one of ours");
        let app = match host.strip_suffix(".case") {
            Some(number) => {
                let number = number.parse().expect("it is one of ours");
                (cases().nth(number).expect("there is such a case").app)()
            }
            None => mirror(),
        };
        let Ok(response) = app.oneshot(request).await;
        response
    }
    Router::new().fallback(pick)
}

/// The same application at two addresses.
struct BothWays {
    plain: SocketAddr,
    over_kafka: SocketAddr,
    _serving: JoinSet<()>,
}

impl BothWays {
    async fn serve(app: fn() -> Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let plain = listener.local_addr().expect("it has an address");
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            axum::serve(listener, app()).await.expect("it serves");
        });
        Self {
            plain,
            over_kafka: serve_over_kafka(app()).await,
            _serving: serving,
        }
    }

    /// Asks both, and answers with what both answer.
    async fn same(&self, about: &str, ask: impl Fn() -> Request) -> http::Response<Bytes> {
        let plain = answer(self.plain, ask()).await;
        let carried = answer(self.over_kafka, ask()).await;
        assert_eq!(carried.status(), plain.status(), "{about}: status");
        let (left, right) = comparable(carried.headers(), plain.headers());
        assert_eq!(left, right, "{about}: headers");
        assert!(
            carried.body() == plain.body(),
            "{about}: the body begins as {:?}, not as {:?}",
            beginning(&carried),
            beginning(&plain),
        );
        carried
    }
}

/// Enough of a body to tell what is wrong with it.
fn beginning(answer: &http::Response<Bytes>) -> String {
    let body = answer.body();
    String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned()
}

/// The headers of both but for those that speak of the connection and the way,
/// the framing, and what a gateway says of its own.
fn comparable(carried: &HeaderMap, plain: &HeaderMap) -> (HeaderMap, HeaderMap) {
    let (mut carried, mut plain) = (carried.clone(), plain.clone());
    for name in [CONNECTION, DATE, SERVER_TIMING, TRANSFER_ENCODING] {
        carried.remove(&name);
        plain.remove(&name);
    }
    if !plain.contains_key(REQUEST_ID) {
        carried.remove(REQUEST_ID);
    }
    if !(plain.contains_key(CONTENT_LENGTH) && carried.contains_key(CONTENT_LENGTH)) {
        carried.remove(CONTENT_LENGTH);
        plain.remove(CONTENT_LENGTH);
    }
    (carried, plain)
}

type Connected = (SendRequest<Body>, Connection<TokioIo<TcpStream>, Body>);

/// A connection that sends request targets as they are.
async fn connect(address: SocketAddr) -> (SocketAddr, Connected) {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let own = stream.local_addr().expect("it has an address");
    let connected = handshake(TokioIo::new(stream)).await.expect("no failure");
    (own, connected)
}

async fn whole(response: http::Response<Incoming>) -> http::Response<Bytes> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("the body does not break off");
    http::Response::from_parts(head, body.to_bytes())
}

async fn answer(address: SocketAddr, request: Request) -> http::Response<Bytes> {
    let (_, (mut sender, connection)) = connect(address).await;
    let exchange = async move {
        let response = sender.send_request(request).await.expect("an answer");
        whole(response).await
    };
    // The connection ends with its sender.
    let (answer, _) = tokio::join!(exchange, connection);
    answer
}

fn to_host(host: &str, mut request: Request) -> Request {
    let host = host.parse().expect("a host");
    request.headers_mut().insert(HOST, host);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_is_answered_as_over_plain_http() {
    let servers = BothWays::serve(every_application).await;
    for (number, case) in cases().enumerate() {
        let host = format!("{number}.case");
        let ask = || to_host(&host, (case.request)());
        let answer = servers.same(case.name, ask).await;
        assert_eq!(answer.status().as_u16(), case.status, "{}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_and_target_is_on_the_wire_as_sent() {
    let servers = BothWays::serve(mirror).await;
    for method in methods::METHODS {
        let ask = || to_host(MIRROR, methods::ask(method));
        let seen = servers.same(method, ask).await;
        assert!(seen.body().starts_with(method.as_bytes()), "{method}");
    }
    for path in paths::PATHS {
        let ask = || to_host(MIRROR, paths::ask(path));
        let seen = servers.same(path, ask).await;
        let line = format!("GET {path} ");
        assert!(seen.body().starts_with(line.as_bytes()), "{path}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_sees_the_address_of_the_client() {
    let peer = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
    let address = serve_over_kafka(Router::new().route("/", get(peer))).await;
    let (own, (mut sender, connection)) = connect(address).await;
    let exchange = async move {
        let request = to_host(MIRROR, ipc_fidelity::get("/"));
        whole(sender.send_request(request).await.expect("an answer")).await
    };
    let (seen, _) = tokio::join!(exchange, connection);
    assert_eq!(seen.body(), own.to_string().as_bytes());
}

/// Events as they are told.
fn events(told: mpsc::Receiver<&'static str>) -> impl Stream<Item = Result<Event, axum::Error>> {
    stream::unfold(told, |mut told| async {
        let data = told.recv().await?;
        Some((Ok(Event::default().data(data)), told))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_arrives_before_the_next_is_sent() {
    let (tell, told) = mpsc::channel(1);
    let told = Arc::new(Mutex::new(Some(told)));
    let app = Router::new().route(
        "/events",
        get(async move || {
            let told = told.lock().take();
            Sse::new(events(told.expect("it is asked once")))
        }),
    );
    let address = serve_over_kafka(app).await;
    let (_, (mut sender, connection)) = connect(address).await;
    let exchange = async move {
        let request = to_host(MIRROR, ipc_fidelity::get("/events"));
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut body = response.into_body();
        for data in ["one", "two", "three"] {
            tell.send(data).await.expect("the handler listens");
            let frame = body.frame().await.expect("an event").expect("no failure");
            assert_eq!(
                frame.into_data().ok(),
                Some(format!("data: {data}\n\n").into())
            );
        }
        drop(tell);
        assert!(body.frame().await.is_none());
    };
    let ((), _) = tokio::join!(exchange, connection);
}
