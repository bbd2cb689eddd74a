//! Answers that come after their client was told 504.

use http::StatusCode;
use serde_json::Value;

use super::{ROUTE, System, settled};
use crate::support::{post, text};

#[tokio::test]
async fn what_is_answered_after_a_504_is_where_that_says() {
    let system = System::in_memory().await;
    let quick = "timeout = \"200ms\"\nlate_replies = true";
    let route = ROUTE.replace("mode = \"accepted\"", quick);
    let gateway = system.gateway(&route).await;

    let late = gateway.send(post("/orders/7", "tea")).await;
    assert_eq!(late.status(), StatusCode::GATEWAY_TIMEOUT);
    let link = late.headers()["link"].to_str().expect("it is text");
    let path = link.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let (path, rest) = path.expect("it is a link");
    assert_eq!(rest, "; rel=\"status\"");
    let path = path.to_owned();
    let problem: Value = serde_json::from_str(&text(late).await).expect("it is JSON");
    assert_eq!(problem["type"], "urn:ipc:problem:outcome-unknown");
    let detail = problem["detail"].as_str().expect("it says more");
    assert!(detail.ends_with(&path), "{detail}");

    system.allow(1);
    let placed = settled(&gateway, &path).await;
    assert_eq!(placed.status(), StatusCode::CREATED);
    assert_eq!(text(placed).await, "placed tea");
}

#[tokio::test]
async fn what_is_answered_in_time_is_the_answer() {
    let system = System::in_memory().await;
    let route = ROUTE.replace("mode = \"accepted\"", "late_replies = true");
    let gateway = system.gateway(&route).await;
    system.allow(1);

    let placed = gateway.send(post("/orders/7", "tea")).await;

    assert_eq!(placed.status(), StatusCode::CREATED);
    assert!(!placed.headers().contains_key("link"));
    assert_eq!(text(placed).await, "placed tea");
}
