//! Streams that clients go on with after their connection broke.

use std::sync::Arc;

use axum::body::Body;
use axum::routing::get as on_get;
use axum::{Extension, Router};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use ipc_core::envelope::Problem;
use ipc_core::response::ReplyStream;
use ipc_core::service::Service;
use ipc_http_shim::upstream::ReplyRecord;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::support::{Fake, OverKafka, Running, api_key, get, text, within};

const ROUTE: &str = "[[routes]]\npath = \"/{a}\"\nservice = \"orders\"\nmode = \"stream\"\n\
                     resume = \"1h\"\n";

type Item = Result<ReplyRecord, Problem>;

/// What a request was asked with, and where its records come from.
pub(crate) struct Asked {
    pub(crate) last: Option<String>,
    pub(crate) records: mpsc::Sender<Item>,
}

impl Asked {
    pub(crate) async fn send(&self, seq: u32, payload: &'static str) {
        let payload = Bytes::from_static(payload.as_bytes());
        let record = ReplyRecord { seq, payload };
        within(self.records.send(Ok(record)))
            .await
            .expect("it is read");
    }
}

/// A shim with these settings, and the requests that reach its service.
pub(crate) async fn streaming(config: &str) -> (Running, mpsc::Receiver<Asked>) {
    let (tell, asked) = mpsc::channel(8);
    let fake = Fake::streams(move |seen| {
        let last = seen.head.headers.get("last-event-id");
        let (records, mut told) = mpsc::channel::<Item>(1);
        let last = last.map(|last| last.to_str().expect("it is text").to_owned());
        tell.try_send(Asked { last, records })
            .expect("there is room");
        let records = stream::poll_fn(move |cx| told.poll_recv(cx)).boxed();
        let response = Response::builder().header("x-mine", "1");
        Ok(response.body(records).expect("it is valid"))
    });
    (Running::start(config, fake).await, asked)
}

fn after(last: &str) -> Request<Body> {
    let mut request = get("/a");
    let last = last.parse().expect("it is a value");
    request.headers_mut().insert("last-event-id", last);
    request
}

async fn event(answer: &mut Response<Incoming>) -> String {
    let frame = within(answer.body_mut().frame()).await.expect("an event");
    let data = frame.expect("it is whole").into_data().expect("it is data");
    String::from_utf8(data.to_vec()).expect("it is text")
}

/// The same, with a stream whose client has its first event.
async fn begun(config: &str) -> (Running, mpsc::Receiver<Asked>, Asked, Response<Incoming>) {
    let (shim, mut asked) = streaming(config).await;
    let mut first = shim.send(get("/a")).await;
    let service = asked.recv().await.expect("it is asked");
    service.send(1, "one").await;
    assert_eq!(event(&mut first).await, "id: request-1.1\ndata: one\n\n");
    (shim, asked, service, first)
}

#[tokio::test]
async fn a_client_goes_on_where_its_connection_broke() {
    let (shim, mut asked, service, mut first) = begun(ROUTE).await;
    service.send(2, "two").await;
    assert_eq!(event(&mut first).await, "id: request-1.2\ndata: two\n\n");

    drop(first);
    service.send(3, "three").await;
    let mut again = within(shim.send(after("request-1.1"))).await;

    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.headers()["content-type"], "text/event-stream");
    assert_eq!(again.headers()["x-request-id"], "request-1");
    assert_eq!(again.headers()["x-mine"], "1");
    assert_eq!(event(&mut again).await, "id: request-1.2\ndata: two\n\n");
    assert_eq!(event(&mut again).await, "id: request-1.3\ndata: three\n\n");
    service.send(4, "four").await;
    assert_eq!(event(&mut again).await, "id: request-1.4\ndata: four\n\n");
    assert!(asked.try_recv().is_err(), "the service was asked once");
    let line = "ipc_shim_stream_resumptions_total{route=\"/{a}\",outcome=\"resumed\"} 1";
    shim.counted(line).await;
}

#[tokio::test]
async fn a_client_that_wants_lines_has_nothing_to_come_back_to() {
    let (shim, mut asked, _service, _first) = begun(ROUTE).await;

    let mut request = after("request-1.1");
    let lines = "application/x-ndjson".parse().expect("it is a value");
    request.headers_mut().insert("accept", lines);
    let mut anew = within(shim.send(request)).await;

    let service = asked.recv().await.expect("it is asked again");
    assert_eq!(service.last.as_deref(), Some("request-1.1"));
    service.send(0, "0").await;
    assert_eq!(event(&mut anew).await, "0\n");
    drop(anew);
    within(service.records.closed()).await;
}

#[tokio::test]
async fn a_connection_that_only_its_client_knows_to_be_gone_ends_when_that_comes_back() {
    let (shim, _asked, service, first) = begun(ROUTE).await;

    let mut again = within(shim.send(after("request-1.1"))).await;
    service.send(2, "two").await;

    assert_eq!(event(&mut again).await, "id: request-1.2\ndata: two\n\n");
    let rest = within(first.into_body().collect()).await;
    assert!(rest.expect("it ends well").to_bytes().is_empty());
}

#[tokio::test]
async fn a_stream_that_ended_meanwhile_is_told_to_its_end_and_then_nothing() {
    let (shim, _asked, service, first) = begun(ROUTE).await;
    drop(first);
    service.send(2, "two").await;
    drop(service);

    let rest = within(shim.send(after("request-1.1"))).await;
    assert_eq!(within(text(rest)).await, "id: request-1.2\ndata: two\n\n");

    // Browsers ask once more, and stop at 204.
    let nothing = within(shim.send(after("request-1.2"))).await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    let line = "ipc_shim_stream_resumptions_total{route=\"/{a}\",outcome=\"complete\"} 1";
    shim.counted(line).await;
}

#[tokio::test]
async fn a_stream_that_broke_off_is_told_with_its_problem_and_then_asked_for_anew() {
    let (shim, mut asked, service, first) = begun(ROUTE).await;
    drop(first);
    service.send(2, "two").await;
    let moved = Problem::new("moved", "the stream moved", 503);
    within(service.records.send(Err(moved)))
        .await
        .expect("it is read");

    let rest = within(text(within(shim.send(after("request-1.1"))).await)).await;
    assert!(
        rest.starts_with("id: request-1.2\ndata: two\n\nevent: error\n"),
        "{rest}"
    );

    within(shim.send(after("request-1.2"))).await;
    let anew = asked.recv().await.expect("it is asked again");
    assert_eq!(anew.last.as_deref(), Some("request-1.2"));
}

#[tokio::test]
async fn what_is_not_kept_any_more_is_asked_for_anew_with_the_last_id() {
    let (shim, mut asked) = streaming(&format!("limits.kept_events = 1\n{ROUTE}")).await;
    let mut first = shim.send(get("/a")).await;
    let service = asked.recv().await.expect("it is asked");
    for (seq, payload) in [(1, "one"), (2, "two"), (3, "three")] {
        service.send(seq, payload).await;
        event(&mut first).await;
    }

    for last in ["request-1.1", "request-1.4", "other.1", "mine"] {
        within(shim.send(after(last))).await;
        let anew = asked.recv().await.expect("it is asked again");
        assert_eq!(anew.last.as_deref(), Some(last));
    }
    let line = "ipc_shim_stream_resumptions_total{route=\"/{a}\",outcome=\"anew\"} 3";
    shim.counted(line).await;
}

#[tokio::test]
async fn a_stream_ends_when_its_client_does_not_come_back_in_time() {
    let (shim, _asked, service, first) = begun(&ROUTE.replace("1h", "50ms")).await;

    drop(first);

    within(service.records.closed()).await;
    let line = "ipc_shim_streams_given_up_total{route=\"/{a}\",reason=\"time\"} 1";
    shim.counted(line).await;
    shim.counted("ipc_shim_streams_waiting 0").await;
}

#[tokio::test]
async fn a_drain_ends_a_stream_that_waits_for_its_client() {
    let (mut shim, _asked, service, first) = begun(ROUTE).await;
    drop(first);

    shim.stop();

    within(service.records.closed()).await;
    assert_eq!(within(shim.ended()).await.cut_off, 0);
}

#[tokio::test]
async fn only_the_same_request_of_the_same_client_goes_on_with_a_stream() {
    let keys = api_key("ann", "ipc_ann") + &api_key("bob", "ipc_bob");
    let (shim, mut asked) = streaming(&format!("{keys}{ROUTE}auth = \"api_key\"\n")).await;
    let send = async |mut request: Request<Body>, key: &str| {
        let key = key.parse().expect("it is a value");
        request.headers_mut().insert("x-api-key", key);
        within(shim.send(request)).await
    };
    let mut first = send(get("/a"), "ipc_ann").await;
    let service = asked.recv().await.expect("it is asked");
    service.send(1, "one").await;
    event(&mut first).await;
    service.send(2, "two").await;
    drop(first);

    send(after("request-1.1"), "ipc_bob").await;
    asked
        .recv()
        .await
        .expect("another's stream is asked for anew");
    let mut elsewhere = after("request-1.1");
    *elsewhere.uri_mut() = "/b".parse().expect("it is valid");
    send(elsewhere, "ipc_ann").await;
    asked.recv().await.expect("another stream is asked for");
    let unknown = within(shim.send(after("request-1.1"))).await;
    assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);

    let mut again = send(after("request-1.1"), "ipc_ann").await;
    assert_eq!(event(&mut again).await, "id: request-1.2\ndata: two\n\n");
}

/// A service whose only stream tells what it is given.
fn application(given: mpsc::Receiver<&'static str>) -> Router {
    let given = Arc::new(Mutex::new(Some(given)));
    let replies = async move || {
        let mut given = given.lock().take().expect("it is asked once");
        let records = stream::poll_fn(move |cx| given.poll_recv(cx));
        let body = Body::from_stream(records.map(Ok::<_, std::io::Error>));
        (Extension(ReplyStream), body)
    };
    Router::new().route("/{a}", on_get(replies))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_over_kafka_does_not_notice_that_its_client_was_away() {
    let (give, given) = mpsc::channel(1);
    let over_kafka = OverKafka::start(ROUTE, Service::builder("orders"), application(given)).await;
    let shim = &over_kafka.shim;

    give.send("one").await.expect("it is taken");
    let mut first = within(shim.send(get("/a"))).await;
    let id = first.headers()["x-request-id"].to_str().expect("text");
    let id = id.to_owned();
    let told = format!("id: {id}.1\ndata: one\n\n");
    assert_eq!(event(&mut first).await, told);
    drop(first);
    for more in ["two", "three"] {
        within(give.send(more)).await.expect("it is taken");
    }
    drop(give);

    let rest = within(shim.send(after(&format!("{id}.1")))).await;
    assert_eq!(
        within(text(rest)).await,
        format!("id: {id}.2\ndata: two\n\nid: {id}.3\ndata: three\n\n")
    );
    let nothing = within(shim.send(after(&format!("{id}.3")))).await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);

    over_kafka.stop().await;
}
