//! The sender of a one-way learns where it was parked.

use std::time::Duration;

use http::StatusCode;
use ipc_core::client::Client;
use ipc_core::dispatch::{RetryPolicy, RetrySpec};
use ipc_core::envelope::{Envelope, Headers, Parked, names};
use ipc_core::routing::App;
use ipc_core::service::{Service, ServiceBuilder};
use ipc_core::{endpoint, endpoints};
use tokio::time::timeout;

use super::system::{System, TestResult};

/// Notes what is to be audited, unless it says with which status that is refused.
#[endpoint(POST "/audit", one_way)]
async fn audit(body: String) -> StatusCode {
    let status = body.parse().ok();
    status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::NO_CONTENT)
}

async fn serve(
    system: &System,
    set_up: impl FnOnce(ServiceBuilder) -> ServiceBuilder,
) -> TestResult<(Service, Client)> {
    let app: App = App::new().endpoints(endpoints![audit])?;
    let service = set_up(system.service("orders")).serve(app).start().await?;
    Ok((service, system.client("web").await?))
}

/// A one-way whose sender asks to be told in `topic`.
fn asking(body: &'static str, topic: &'static str) -> Envelope {
    let mut headers = Headers::new();
    headers.push_static(names::METHOD, "POST");
    headers.push_static(names::PATH, "/audit");
    headers.push_static(names::CONTENT_TYPE, "text/plain");
    headers.push_static(names::CORRELATION_ID, "audit-1");
    headers.push_static(names::PARKED_TOPIC, topic);
    Envelope {
        headers,
        key: Some("7".into()),
        payload: Some(body.into()),
    }
}

#[tokio::test(start_paused = true)]
async fn the_sender_of_a_one_way_is_told_why_it_was_given_up_and_where_it_lies() -> TestResult {
    let system = System::new();
    let (service, client) = serve(&system, |service| service).await?;
    let orders = client.service("orders");
    let mut sent = orders
        .send(audit::request("422".to_owned()))
        .notify_if_parked()
        .await?;
    let parked = sent.parked().await.ok_or("not told")?;
    assert_eq!(parked.reason, "client-error");
    assert_eq!(parked.topic, "orders.dlq");
    assert_eq!(sent.parked().await, Some(parked.clone()), "asked again");
    let letter = system.watch("orders.dlq", 1).await?.next().await?;
    let place = letter.origin;
    assert_eq!(
        (parked.partition, parked.offset),
        (place.partition.partition, place.offset)
    );
    drop(sent);
    assert_eq!(client.pending(), 0);
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_sender_of_a_one_way_that_is_given_up_after_retries_is_told() -> TestResult {
    let system = System::new();
    let delay = Duration::from_secs(60);
    let retry = RetrySpec::attempts(3).backoff(delay, delay);
    let retry = retry.policy(RetryPolicy::Tiers);
    let (service, client) = serve(&system, |service| service.retry(retry)).await?;
    let orders = client.service("orders");
    let mut sent = orders
        .send(audit::request("500".to_owned()))
        .notify_if_parked()
        .await?;
    assert!(
        timeout(delay, sent.parked()).await.is_err(),
        "told too soon"
    );
    let parked = timeout(2 * delay, sent.parked()).await?;
    assert_eq!(parked.ok_or("not told")?.reason, "server-error");
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_sender_of_a_one_way_that_was_handled_is_told_nothing() -> TestResult {
    let system = System::new();
    let (service, client) = serve(&system, |service| service).await?;
    let orders = client.service("orders");
    let mut sent = orders
        .send(audit::request("event".to_owned()))
        .notify_if_parked()
        .await?;
    let hour = Duration::from_secs(60 * 60);
    assert!(timeout(hour, sent.parked()).await.is_err());
    client.close().await;
    assert_eq!(sent.parked().await, None);
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_did_not_ask_is_told_nothing() -> TestResult {
    let system = System::new();
    let (service, client) = serve(&system, |service| service).await?;
    let mut letters = system.watch("orders.dlq", 1).await?;
    client
        .service("orders")
        .send(audit::request("422".to_owned()))
        .await?;
    letters.next().await?;
    client.close().await;
    service.stop().await;
    let mut replies = system.watch("web.replies", 3).await?;
    // Its pings only.
    while let Ok(Ok(reply)) = timeout(Duration::from_secs(1), replies.next()).await {
        assert!(reply.envelope.headers.contains(names::CONTROL), "{reply:?}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_foreign_sender_is_told_in_the_topic_it_names_with_its_id() -> TestResult {
    let system = System::new();
    let (service, client) = serve(&system, |service| service).await?;
    system.topic("shop.replies", 2).await?;
    let mut record = asking("422", "shop.replies");
    record.headers.push_static(names::PARKED_PARTITION, "1");
    system.send("orders.requests", record).await?;
    let told = system.watch("shop.replies", 2).await?.next().await?;
    assert_eq!(told.origin.partition.partition, 1);
    let said = |name| told.envelope.headers.get_str(name);
    assert_eq!(said(names::CORRELATION_ID), Some("audit-1"));
    assert_eq!(said(names::CONTENT_TYPE), Some("application/problem+json"));
    assert_eq!(told.envelope.key.as_deref(), Some(&b"7"[..]));
    let document = told.envelope.payload.clone().unwrap_or_default();
    let parked = Parked::parse(&document).ok_or("no such document")?;
    assert_eq!(parked.reason, "client-error");
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_in_a_topic_that_is_not_allowed() -> TestResult {
    let system = System::new();
    let (service, client) = serve(&system, |service| service).await?;
    system.topic("payments.requests", 1).await?;
    let mut letters = system.watch("orders.dlq", 1).await?;
    for topic in ["payments.requests", "orders.requests", "orders.dlq"] {
        system.send("orders.requests", asking("422", topic)).await?;
        letters.next().await?;
    }
    client.close().await;
    service.stop().await;
    assert!(letters.is_empty());
    let all: i64 = (0..3).filter_map(|it| system.committed("orders", it)).sum();
    assert_eq!(all, 3, "all were given up, and nothing was added");
    let mut others = system.watch("payments.requests", 1).await?;
    let told = timeout(Duration::from_secs(1), others.next()).await;
    assert!(told.is_err(), "{told:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_reply_topic_that_is_gone_holds_nothing_up() -> TestResult {
    let system = System::new();
    let (service, client) = serve(&system, |service| service).await?;
    let mut letters = system.watch("orders.dlq", 1).await?;
    for _ in 0..2 {
        let record = asking("422", "gone.replies");
        system.send("orders.requests", record).await?;
        letters.next().await?;
    }
    client.close().await;
    service.stop().await;
    let all: i64 = (0..3).filter_map(|it| system.committed("orders", it)).sum();
    assert_eq!(all, 2);
    Ok(())
}
