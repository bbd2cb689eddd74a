//! What an HTTP client is told about each way a request can end.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use ipc_core::envelope::Problem;
use ipc_http_shim::upstream::Failure;

use crate::support::{Fake, Running, correlation_id, get, post, text};

const CALL: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";
const ONE_WAY: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\nmode = \"one_way\"\n";

async fn failing(failure: fn() -> Failure) -> Response<String> {
    let fake = Fake::calls(move |_| async move { Err(failure()) });
    let shim = Running::start(CALL, fake).await;
    let answer = shim.send(get("/a")).await;
    let (head, body) = answer.into_parts();
    assert_eq!(head.headers["content-type"], "application/problem+json");
    assert!(head.headers.contains_key("server-timing"));
    let body = text(Response::from_parts(head.clone(), body)).await;
    Response::from_parts(head, body)
}

#[tokio::test]
async fn a_reply_is_passed_on_as_it_is_whatever_its_status() {
    let fake = Fake::calls(|_| async {
        let response = Response::builder()
            .status(418)
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("server-timing", "handler;dur=3")
            .body(Body::from("short and stout"));
        Ok(response.unwrap())
    });
    let shim = Running::start(CALL, fake).await;

    let answer = shim.send(get("/a")).await;

    assert_eq!(answer.status(), 418);
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(answer.headers()["x-request-id"], "request-1");
    assert_eq!(answer.headers()["content-length"], "15");
    let timings: Vec<_> = answer.headers().get_all("server-timing").iter().collect();
    assert_eq!(timings.len(), 2);
    assert_eq!(timings[0], "handler;dur=3");
    assert_eq!(text(answer).await, "short and stout");
}

#[tokio::test]
async fn an_application_that_names_requests_itself_is_left_to_it() {
    let fake = Fake::calls(|_| async {
        let response = Response::builder().header("x-request-id", "mine");
        Ok(response.body(Body::empty()).unwrap())
    });
    let shim = Running::start(CALL, fake).await;

    let answer = shim.send(get("/a")).await;

    assert_eq!(answer.headers()["x-request-id"], "mine");
}

#[tokio::test]
async fn a_reply_that_lies_about_its_length_is_told_with_the_true_one() {
    let fake = Fake::calls(|_| async {
        let response = Response::builder().header("content-length", "500");
        Ok(response.body(Body::from("four")).unwrap())
    });
    let shim = Running::start(CALL, fake).await;

    let answer = shim.send(get("/a")).await;

    assert_eq!(answer.headers()["content-length"], "4");
    assert_eq!(text(answer).await, "four");
}

#[tokio::test]
async fn an_answer_to_head_keeps_the_length_it_speaks_of() {
    let fake = Fake::calls(|seen| async move {
        assert_eq!(seen.head.method, http::Method::HEAD);
        let response = Response::builder().header("content-length", "500");
        Ok(response.body(Body::empty()).unwrap())
    });
    let shim = Running::start(CALL, fake).await;

    let answer = shim
        .send(Request::head("/a").body(Body::empty()).unwrap())
        .await;

    assert_eq!(answer.headers()["content-length"], "500");
    assert_eq!(text(answer).await, "");
}

#[tokio::test]
async fn a_request_that_was_not_sent_is_503_with_when_to_try_again() {
    let answer = failing(|| Failure::Rejected {
        reason: "broker secret-host:9092 is away".to_owned(),
        retry_after: Duration::from_millis(1500),
    })
    .await;

    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "2");
    assert!(answer.body().contains("urn:ipc:problem:rejected"));
    assert!(!answer.body().contains("secret-host"));
}

#[tokio::test]
async fn an_absent_service_is_503_with_its_name_and_when_to_try_again() {
    let answer = failing(|| Failure::Absent {
        service: "orders".into(),
        retry_after: Duration::from_secs(3),
    })
    .await;

    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "3");
    assert!(answer.body().contains("urn:ipc:problem:service-absent"));
    assert!(answer.body().contains("no instance of orders is there"));
}

#[tokio::test]
async fn no_answer_in_time_is_504_with_the_correlation_id() {
    let answer = failing(|| Failure::Unknown {
        correlation_id: correlation_id(),
    })
    .await;

    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answer.headers()["x-request-id"], "request-1");
    assert!(answer.body().contains("\"correlationId\":\"request-1\""));
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_is_502_with_the_correlation_id() {
    let answer = failing(|| Failure::Undecodable {
        correlation_id: correlation_id(),
        reason: "header :status is x".to_owned(),
    })
    .await;

    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert!(answer.body().contains("\"correlationId\":\"request-1\""));
    assert!(!answer.body().contains(":status"));
}

#[tokio::test]
async fn a_request_that_can_never_be_sent_is_answered_with_its_own_problem() {
    let answer =
        failing(|| Failure::Refused(Problem::new("reserved-header", "reserved", 400))).await;

    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(answer.body().contains("urn:ipc:problem:reserved-header"));
}

#[tokio::test]
async fn a_one_way_is_202_with_the_correlation_id() {
    let fake = Fake::sends(|seen| {
        assert_eq!(seen.body, "an event");
        Ok(())
    });
    let shim = Running::start(ONE_WAY, fake).await;

    let answer = shim.send(post("/a", "an event")).await;

    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(answer.headers()["x-request-id"], "request-1");
    assert_eq!(text(answer).await, r#"{"correlationId":"request-1"}"#);
}

#[tokio::test]
async fn a_one_way_the_broker_did_not_acknowledge_is_no_202() {
    let fake = Fake::sends(|_| {
        Err(Failure::Unknown {
            correlation_id: correlation_id(),
        })
    });
    let shim = Running::start(ONE_WAY, fake).await;

    let answer = shim.send(post("/a", "an event")).await;

    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
}
