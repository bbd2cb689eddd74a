//! What `request(..)` takes, and what becomes of it.

use ipc_core::contract::{
    CallRequest, Contract, ErrorReply, Idempotency, KeyRule, Mode, OneWayRequest, RawReply,
    Request, RetrySpec, StreamRequest,
};
use ipc_core::envelope::Headers;
use std::time::Duration;

use crate::handlers::*;

fn reply(status: u16, body: &'static str) -> RawReply {
    RawReply {
        status,
        headers: Headers::new(),
        body: body.into(),
    }
}

#[test]
fn a_request_takes_path_values_query_and_body_in_order() {
    let command = PlaceOrder { item: "tea".into() };
    let sent = place_order::request(OrderId(7), command).encode().unwrap();
    assert_eq!(sent.method, "POST");
    assert_eq!(sent.path, "/orders/7/place");
    assert_eq!(sent.body, r#"{"item":"tea"}"#);
    assert_eq!(sent.key.as_deref(), Some(&b"7"[..]));
    assert_eq!(sent.timeout, Some(Duration::from_secs(5)));

    let page = Page {
        after: None,
        text: "a b".into(),
    };
    let sent = line::request(OrderId(7), 3, page).encode().unwrap();
    assert_eq!(sent.path, "/orders/7/lines/3?text=a+b");
    assert_eq!(sent.key.as_deref(), Some(&b"7"[..]));
    assert!(sent.body.is_empty());

    let sent = raw::request("a/b c".into()).encode().unwrap();
    assert_eq!(sent.path, "/raw/a/b%20c");
    assert_eq!(sent.key, None);

    assert_eq!(ping::request().encode().unwrap().path, "/ping");
}

#[test]
fn replies_and_error_bodies_have_the_handlers_types() {
    fn read<R: CallRequest>(_: R, reply: RawReply) -> R::Reply {
        R::decode(reply).unwrap()
    }
    fn error<R: Request>(_: &R, reply: RawReply) -> ErrorReply<R::Error> {
        ErrorReply::new(reply)
    }
    let request = place_order::request(OrderId(1), PlaceOrder { item: "x".into() });
    let error = error(&request, reply(409, r#"{"code":7}"#));
    assert_eq!(error.typed().unwrap(), OrderError { code: 7 });
    let placed = read(request, reply(200, r#"{"text":"1:x"}"#));
    assert_eq!(placed, Placed { text: "1:x".into() });

    let raw = read(ping::request(), reply(200, "pong"));
    assert_eq!(raw.body, "pong");
}

#[test]
fn terms_carry_every_option() {
    assert_eq!(place_order::TERMS.idempotency, Idempotency::Optional);
    assert_eq!(place_order::TERMS.name, "place_order");
    assert_eq!(audit::TERMS.mode, Mode::OneWay);
    assert_eq!(
        audit::TERMS.retry,
        Some(RetrySpec::attempts(5).backoff(Duration::from_millis(100), Duration::from_secs(10)))
    );
    assert_eq!(line::TERMS.key, KeyRule::Path("id"));
    assert_eq!([line::TERMS.safe, ping::TERMS.safe], [true, false]);
    assert_eq!(ping::TERMS.service, Some("orders"));
}

#[test]
fn each_mode_has_its_own_kind_of_request() {
    fn one_way(_: impl OneWayRequest) {}
    fn call(_: impl CallRequest) {}
    fn item<R: StreamRequest>(_: R, reply: RawReply) -> R::Item {
        R::decode_item(reply).unwrap()
    }
    one_way(audit::request(OrderId(1), "x".into()));
    call(upload::request(OrderId(1)));
    let event = item(
        order_events::request(OrderId(1)),
        reply(200, "{\"text\":\"0\"}\n"),
    );
    assert_eq!(event, Placed { text: "0".into() });
}

#[tokio::test]
async fn the_function_stays_a_plain_one() {
    assert_eq!(ping().await, "pong");
    assert!(
        audit(axum::extract::Path(OrderId(1)), "x".into())
            .await
            .is_ok()
    );
}
