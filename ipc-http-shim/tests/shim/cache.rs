//! Answers that are given again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::support::{Fake, Running, get, text, within};

const ROUTE: &str = "[[routes]]\npath = \"/{a}\"\nservice = \"orders\"\ncache = true\n";

/// A shim whose service numbers its answers, each of which says this.
async fn numbering(config: &str, told: &'static [(&'static str, &'static str)]) -> Running {
    let answers = Arc::new(AtomicUsize::new(0));
    let fake = Fake::calls(move |seen| {
        let answers = Arc::clone(&answers);
        async move {
            let mut response = Response::builder();
            for (name, value) in told {
                response = response.header(*name, *value);
            }
            let number = answers.fetch_add(1, Ordering::Relaxed) + 1;
            let body = format!("{number} {}", seen.head.uri);
            Ok(response.body(Body::from(body)).expect("it is valid"))
        }
    });
    Running::start(config, fake).await
}

async fn asked(shim: &Running, request: Request<Body>) -> String {
    text(within(shim.send(request)).await).await
}

fn with(path: &str, name: &'static str, value: &'static str) -> Request<Body> {
    let mut request = get(path);
    let value = value.parse().expect("it is a value");
    request.headers_mut().insert(name, value);
    request
}

fn header(answer: &Response<Incoming>, name: &str) -> Option<String> {
    let value = answer.headers().get(name)?;
    Some(value.to_str().expect("it is text").to_owned())
}

#[tokio::test]
async fn an_answer_is_given_again_as_long_as_it_says() {
    let told = &[
        ("cache-control", "max-age=3600"),
        ("x-a", "1"),
        ("x-a", "2"),
    ];
    let shim = numbering(ROUTE, told).await;

    let first = within(shim.send(get("/a?b"))).await;
    assert_eq!(header(&first, "age"), None);
    assert_eq!(header(&first, "x-request-id").as_deref(), Some("request-1"));
    assert_eq!(text(first).await, "1 /a?b");
    let again = within(shim.send(get("/a?b"))).await;

    assert!(header(&again, "age").is_some());
    assert_eq!(header(&again, "x-request-id"), None);
    assert_eq!(again.headers().get_all("x-a").iter().count(), 2);
    assert_eq!(text(again).await, "1 /a?b");
    for (request, told) in [
        (get("/a"), "2 /a"),
        (get("/a?c"), "3 /a?c"),
        (with("/a?b", "cache-control", "no-cache"), "4 /a?b"),
        (with("/a?b", "if-none-match", "\"x\""), "5 /a?b"),
        (with("/a?b", "range", "bytes=0-1"), "6 /a?b"),
        (with("/a?b", "host", "other"), "7 /a?b"),
        (with("/a?b", "authorization", "Bearer x"), "8 /a?b"),
        (with("/a?b", "cookie", "a=b"), "9 /a?b"),
        // What was fetched anew is what is kept.
        (get("/a?b"), "4 /a?b"),
    ] {
        assert_eq!(asked(&shim, request).await, told);
    }
    let line = "ipc_shim_cache_lookups_total{route=\"/{a}\",outcome=\"hit\"} 2";
    shim.counted(line).await;
}

#[tokio::test]
async fn each_variant_is_kept_for_itself() {
    let told = &[
        ("cache-control", "max-age=3600"),
        ("vary", "Accept-Language"),
    ];
    let shim = numbering(ROUTE, told).await;

    for (language, told) in [
        ("de", "1 /a"),
        ("en", "2 /a"),
        ("de", "1 /a"),
        ("en", "2 /a"),
    ] {
        let request = with("/a", "accept-language", language);
        assert_eq!(asked(&shim, request).await, told, "{language}");
    }
    assert_eq!(asked(&shim, get("/a")).await, "3 /a");
}

#[tokio::test]
async fn what_somebody_asked_for_is_kept_only_where_it_is_public() {
    for (told, again) in [
        (&[("cache-control", "max-age=60")], "2 /a"),
        (&[("cache-control", "public, max-age=60")], "1 /a"),
    ] {
        let shim = numbering(ROUTE, told).await;
        for expected in ["1 /a", again] {
            let request = with("/a", "authorization", "Bearer x");
            assert_eq!(asked(&shim, request).await, expected);
        }
    }
}

#[tokio::test]
async fn a_change_through_the_gateway_has_answers_forgotten() {
    let shim = numbering(ROUTE, &[("cache-control", "max-age=3600")]).await;

    assert_eq!(asked(&shim, get("/a")).await, "1 /a");
    assert_eq!(asked(&shim, get("/b")).await, "2 /b");
    let mut change = get("/a");
    *change.method_mut() = Method::PUT;
    assert_eq!(asked(&shim, change).await, "3 /a");

    assert_eq!(asked(&shim, get("/a")).await, "4 /a");
    assert_eq!(asked(&shim, get("/b")).await, "2 /b");
}

#[tokio::test]
async fn nothing_is_kept_that_is_too_large_or_not_asked_for() {
    let told = &[("cache-control", "max-age=3600")];
    let small = format!("limits.cached_answer = 3\n{ROUTE}");
    let without = ROUTE.replace("cache = true\n", "");
    for config in [&*small, &*without] {
        let shim = numbering(config, told).await;
        for expected in ["1 /a", "2 /a"] {
            assert_eq!(asked(&shim, get("/a")).await, expected);
        }
    }
}
