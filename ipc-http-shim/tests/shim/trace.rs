//! Traces that pass the gateway.

use axum::Router;
use http::HeaderMap;

use crate::support::{Fake, Legacy, Running, get, text, within};

const ROUTE: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";
const TOLD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn parent(headers: &HeaderMap) -> String {
    let told = headers.get("traceparent");
    told.map_or("none", |told| told.to_str().expect("it is text"))
        .to_owned()
}

#[tokio::test]
async fn services_and_the_legacy_upstream_see_the_clients_trace_and_so_does_the_client() {
    let old = Legacy::start(Router::new().fallback(async |headers: HeaderMap| parent(&headers)));
    let old = old.await;
    let config = format!("{ROUTE}[trace]\nbegin = true\nanswer = \"x-trace-id\"\n");
    let fake = Fake::telling(|seen| parent(&seen.head.headers));
    let shim = Running::start_before(&config, fake, old.address).await;

    for path in ["/a", "/legacy"] {
        let mut request = get(path);
        let told = TOLD.parse().expect("it is a value");
        request.headers_mut().insert("traceparent", told);
        let answer = within(shim.send(request)).await;
        let id = &answer.headers()["x-trace-id"];
        assert_eq!(id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(text(answer).await, TOLD);

        let answer = within(shim.send(get(path))).await;
        let id = answer.headers()["x-trace-id"].clone();
        let begun = text(answer).await;
        assert!(begun.contains(id.to_str().expect("it is text")), "{begun}");
    }
}

#[tokio::test]
async fn no_trace_begins_and_none_is_told_where_that_is_not_asked_for() {
    let fake = Fake::telling(|seen| parent(&seen.head.headers));
    let shim = Running::start(ROUTE, fake).await;

    let answer = within(shim.send(get("/a"))).await;

    assert!(!answer.headers().contains_key("x-trace-id"));
    assert_eq!(text(answer).await, "none");
}
