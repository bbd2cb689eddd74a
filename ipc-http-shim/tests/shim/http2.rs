//! HTTP/2 without TLS.

use http::Version;

use crate::support::{Fake, Running, get, post, text};

const ROUTE: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";

#[tokio::test]
async fn both_versions_are_served_on_one_port() {
    let fake = Fake::telling(|seen| format!("{:?}", seen.body));
    let shim = Running::start(ROUTE, fake).await;

    let http1 = shim.send(post("/a", "one")).await;
    let http2 = shim.send_http2(post("/a", "two")).await;

    assert_eq!(http1.version(), Version::HTTP_11);
    assert_eq!(http2.version(), Version::HTTP_2);
    assert_eq!(text(http1).await, "b\"one\"");
    assert_eq!(text(http2).await, "b\"two\"");
}

#[tokio::test]
async fn the_authority_arrives_as_host() {
    let fake = Fake::telling(|seen| format!("{:?} {}", seen.head.headers["host"], seen.head.uri));
    let shim = Running::start(ROUTE, fake).await;

    let answer = shim.send_http2(get("/a?b")).await;

    assert_eq!(text(answer).await, format!("\"{}\" /a?b", shim.address));
}
