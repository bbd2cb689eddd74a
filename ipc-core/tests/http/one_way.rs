//! What the response of a one-way endpoint means for its record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::stream;
use ipc_core::dispatch::{Failure, Mode, Outcome, Reason};
use ipc_core::http::mark_matched;
use ipc_core::response::FailureExt;

use crate::carry::{CALL, ONE_WAY, Sent, deliver, encode, outcome, over_kafka};

fn post_to(path: &str) -> Request<Body> {
    Request::post(path).body(Body::empty()).unwrap()
}

/// What becomes of a one-way record whose handler answers so.
async fn becomes(response: fn() -> Response) -> Outcome {
    let app = Router::new().route("/audit", post(move || async move { response() }));
    let delivery = deliver(encode(post_to("/audit"), ONE_WAY).await, Mode::OneWay);
    outcome(mark_matched(app), delivery).await
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, not {other:?}"),
    }
}

#[tokio::test]
async fn success_and_redirection_are_done() {
    for response in [
        || StatusCode::OK.into_response(),
        || StatusCode::NO_CONTENT.into_response(),
        || StatusCode::SEE_OTHER.into_response(),
        || (StatusCode::ACCEPTED, [(header::RETRY_AFTER, "5")]).into_response(),
    ] {
        assert!(matches!(becomes(response).await, Outcome::Done));
    }
}

#[tokio::test]
async fn overload_is_not_now() {
    for response in [
        || StatusCode::REQUEST_TIMEOUT.into_response(),
        || StatusCode::TOO_EARLY.into_response(),
        || StatusCode::TOO_MANY_REQUESTS.into_response(),
        || StatusCode::SERVICE_UNAVAILABLE.into_response(),
    ] {
        let outcome = becomes(response).await;
        assert!(
            matches!(outcome, Outcome::NotNow { after: None }),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn retry_after_makes_any_error_not_now() {
    let seconds = || (StatusCode::CONFLICT, [(header::RETRY_AFTER, "7")]).into_response();
    let date = || {
        let past = "Sun, 06 Nov 1994 08:49:37 GMT";
        (StatusCode::BAD_GATEWAY, [(header::RETRY_AFTER, past)]).into_response()
    };
    let hint = || {
        StatusCode::CONFLICT
            .retry_after(Duration::from_millis(1500))
            .into_response()
    };
    for (response, expected) in [
        (seconds as fn() -> Response, Duration::from_secs(7)),
        (date, Duration::ZERO),
        (hint, Duration::from_millis(1500)),
    ] {
        let outcome = becomes(response).await;
        assert!(
            matches!(outcome, Outcome::NotNow { after: Some(after) } if after == expected),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_server_error_is_an_attempt_and_a_client_error_the_end() {
    let server = failure(becomes(|| StatusCode::BAD_GATEWAY.into_response()).await);
    assert_eq!(
        (server.reason, server.retryable),
        (Reason::ServerError, true)
    );
    assert_eq!(server.message, "the handler answered 502 Bad Gateway");

    let client = failure(becomes(|| StatusCode::UNPROCESSABLE_ENTITY.into_response()).await);
    assert_eq!(
        (client.reason, client.retryable),
        (Reason::ClientError, false)
    );

    let unreadable = || (StatusCode::GONE, [(header::RETRY_AFTER, "soon")]).into_response();
    let client = failure(becomes(unreadable).await);
    assert_eq!(
        (client.reason, client.retryable),
        (Reason::ClientError, false)
    );
}

#[tokio::test]
async fn terminal_overrides_status_and_retry_after() {
    for response in [
        || StatusCode::INTERNAL_SERVER_ERROR.terminal().into_response(),
        || {
            let busy = StatusCode::SERVICE_UNAVAILABLE.retry_after(Duration::from_secs(1));
            busy.terminal().into_response()
        },
    ] {
        let failure = failure(becomes(response).await);
        assert_eq!(
            (failure.reason, failure.retryable),
            (Reason::ServerError, false)
        );
    }
}

#[tokio::test]
async fn an_endpoint_nobody_knows_is_told_from_one_that_answers_404() {
    let routes = Router::new()
        .route("/audit", post(|| async { StatusCode::NOT_FOUND }))
        .nest(
            "/nested",
            Router::new().route("/audit", post(|| async { StatusCode::NOT_FOUND })),
        );
    let custom = routes
        .clone()
        .fallback(|| async { (StatusCode::NOT_FOUND, "mine") });
    for app in [routes, custom] {
        for (path, expected) in [
            ("/audit", Reason::ClientError),
            ("/nested/audit", Reason::ClientError),
            ("/nested/nobody", Reason::UnknownEndpoint),
            ("/nobody", Reason::UnknownEndpoint),
        ] {
            let delivery = deliver(encode(post_to(path), ONE_WAY).await, Mode::OneWay);
            let failure = failure(outcome(mark_matched(app.clone()), delivery).await);
            assert_eq!(failure.reason, expected, "{path}");
            assert_eq!(
                failure.retryable,
                expected == Reason::UnknownEndpoint,
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_method_nobody_serves_is_an_unknown_endpoint() {
    let app = Router::new().route("/audit", post(|| async {}));
    let request = Request::put("/audit").body(Body::empty()).unwrap();
    let delivery = deliver(encode(request, ONE_WAY).await, Mode::OneWay);
    let failure = failure(outcome(mark_matched(app), delivery).await);
    assert_eq!(failure.reason, Reason::UnknownEndpoint);
}

#[tokio::test]
async fn a_router_without_routes_can_be_marked() {
    let delivery = deliver(encode(post_to("/audit"), ONE_WAY).await, Mode::OneWay);
    let failure = failure(outcome(mark_matched(Router::new()), delivery).await);
    assert_eq!(failure.reason, Reason::UnknownEndpoint);
}

#[tokio::test]
async fn a_panic_is_the_end() {
    let failure = failure(becomes(|| panic!("boom")).await);
    assert_eq!((failure.reason, failure.retryable), (Reason::Panic, false));
    assert!(!failure.message.contains("boom"));
}

#[tokio::test]
async fn the_body_is_dropped_unread() {
    let polled = Arc::new(AtomicBool::new(false));
    let seen = polled.clone();
    let handler = move || async move {
        Body::from_stream(stream::poll_fn(move |_| {
            seen.store(true, Ordering::SeqCst);
            std::task::Poll::Ready(None::<Result<bytes::Bytes, std::io::Error>>)
        }))
    };
    let app = Router::new().route("/audit", post(handler));
    let delivery = deliver(encode(post_to("/audit"), ONE_WAY).await, Mode::OneWay);
    assert!(matches!(outcome(app, delivery).await, Outcome::Done));
    assert!(!polled.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_call_to_a_one_way_endpoint_is_answered_202_and_errors_as_they_are() {
    let app = Router::new()
        .route("/done", post(|| async { "a body nobody asked for" }))
        .route("/refused", post(|| async { (StatusCode::CONFLICT, "no") }));
    let call = Sent {
        mode: Mode::OneWay,
        ..CALL
    };

    let done = over_kafka(app.clone(), post_to("/done"), call).await;
    assert_eq!(
        (done.status(), done.body().len()),
        (StatusCode::ACCEPTED, 0)
    );
    let refused = over_kafka(app, post_to("/refused"), call).await;
    assert_eq!(
        (refused.status(), &refused.body()[..]),
        (StatusCode::CONFLICT, &b"no"[..])
    );
}
