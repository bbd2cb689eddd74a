//! Clients that say how long they wait.

use axum::body::Body;
use http::{Request, StatusCode};

use super::{ROUTE, System, location, settled};
use crate::support::{post, text};

fn preferring(preference: &str) -> Request<Body> {
    let mut request = post("/orders/7", "tea");
    let preference = preference.parse().expect("it is a value");
    request.headers_mut().insert("prefer", preference);
    request
}

#[tokio::test]
async fn a_client_of_a_call_says_how_long_it_waits_where_its_route_lets_it() {
    let system = System::in_memory().await;
    let route = ROUTE.replace("mode = \"accepted\"", "prefer = true");
    let gateway = system.gateway(&route).await;

    let accepted = gateway.send(preferring("respond-async")).await;
    assert_eq!(accepted.headers()["preference-applied"], "respond-async");
    let at_once = location(&accepted);
    let accepted = gateway.send(preferring("wait=0, respond-async")).await;
    let applied = &accepted.headers()["preference-applied"];
    assert_eq!(applied, "respond-async, wait=0");
    location(&accepted);
    system.allow(2);
    assert_eq!(text(settled(&gateway, &at_once).await).await, "placed tea");

    system.allow(1);
    let replied = gateway.send(preferring("wait=30")).await;
    assert_eq!(replied.status(), StatusCode::CREATED);
    assert_eq!(replied.headers()["preference-applied"], "wait=30");
    assert_eq!(replied.headers()["x-order"], "7");
    assert_eq!(text(replied).await, "placed tea");

    // Who prefers nothing of the kind is answered as ever.
    system.allow(1);
    let replied = gateway.send(preferring("return=minimal")).await;
    assert_eq!(replied.status(), StatusCode::CREATED);
    assert!(!replied.headers().contains_key("preference-applied"));
}

#[tokio::test]
async fn a_preference_is_nothing_to_a_route_that_does_not_ask_for_it() {
    let system = System::in_memory().await;
    let route = ROUTE.replace("mode = \"accepted\"\n", "");
    let gateway = system.gateway(&route).await;
    system.allow(1);

    let replied = gateway.send(preferring("respond-async")).await;

    assert_eq!(replied.status(), StatusCode::CREATED);
    assert!(!replied.headers().contains_key("preference-applied"));
}
