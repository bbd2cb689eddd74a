//! What a transaction has to do with its messages.

use anyhow::Result;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use harness::{Database, Log, Stage, call, eventually, keyed};
use http::HeaderValue;
use ipc_core::{
    dispatch::{Idempotency, Policy},
    extract::Tx,
    outbox::{Message, Outbox},
    store::postgres::sqlx,
};

use super::{Desk, of_each};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_transaction_sends_where_it_commits_and_nothing_where_it_does_not() -> Result<()> {
    let desk = Desk::new().await?;
    let relay = desk.relay().await?;
    let mut undone = desk.pool.begin().await?;
    let message = Message::record(&*desk.topic).key("undone").payload("1");
    Outbox::send(&mut undone, message).await?;
    undone.rollback().await?;
    let mut dropped = desk.pool.begin().await?;
    let message = Message::record(&*desk.topic).key("dropped").payload("1");
    Outbox::send(&mut dropped, message).await?;
    drop(dropped);
    for _ in 0..20 {
        desk.commit("done").await?;
    }
    let repeated = desk.arrived(&of_each(["done"], 20)).await?;
    assert!(repeated.is_empty(), "nothing failed: {repeated:?}");
    eventually("the rows are gone", async || Ok(desk.waiting().await? == 0)).await?;
    relay.end().await;
    assert_eq!(desk.log.all(&desk.topic).await?.len(), 20);
    Ok(())
}

/// Has an effect and bills it, and then refuses, fails or answers.
async fn place(
    State(billing): State<String>,
    mut tx: Tx,
    order: String,
) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    sqlx::query("INSERT INTO effects (work) VALUES ($1)")
        .bind(&order)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    let bill = Message::to(&billing, "POST", "/bills").payload(order.clone());
    let sent = Outbox::send(&mut tx, bill).await;
    sent.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    match &*order {
        "refused" => Err(StatusCode::CONFLICT),
        "failed" => Err(StatusCode::INTERNAL_SERVER_ERROR),
        _ => Ok(order),
    }
}

/// Bills under the key of the message.
async fn bill(mut tx: Tx, order: String) -> Result<(), StatusCode> {
    let billed = sqlx::query("INSERT INTO effects (work) VALUES ($1)")
        .bind(format!("billed {order}"))
        .execute(&mut *tx)
        .await;
    billed
        .map(drop)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_s_messages_go_with_its_effect_and_are_one_request_to_their_service() -> Result<()>
{
    let database = Database::create().await?;
    let (orders, billing) = (Stage::new("orders"), Stage::new("billing"));
    let outbox = Outbox::new(database.pool().await?);
    outbox.migrate().await?;
    let mut policy = Policy::new("POST /work");
    policy.idempotency = Idempotency::Required;
    let bills = billing
        .service(2)
        .default_policy(policy.clone())
        .dedup(database.store().await?)
        .serve(Router::new().route("/bills", post(bill)))
        .start()
        .await?;
    let app = Router::new()
        .route("/orders", post(place))
        .with_state(billing.name().to_owned());
    let service = orders
        .service(2)
        .default_policy(policy)
        .dedup(database.store().await?)
        .outbox(outbox)
        .serve(app)
        .start()
        .await?;
    let client = orders.client().await?;
    for (order, status) in [
        ("refused", 409),
        ("failed", 500),
        ("tea", 200),
        ("tea", 200),
    ] {
        let mut request = keyed(orders.post("/orders", order), order);
        let key = HeaderValue::from_static(order);
        request.headers_mut().insert("idempotency-key", key);
        let (answered, _) = call(&client, request).await?;
        assert_eq!(answered.as_u16(), status, "{order}");
    }
    let expected: std::collections::BTreeMap<_, _> =
        [("tea".to_owned(), 1), ("billed tea".to_owned(), 1)].into();
    eventually("tea is billed", async || {
        Ok(database.effects().await?.len() == 2)
    })
    .await?;
    assert_eq!(database.effects().await?, expected);

    // Sent once more, as a relay that dies before it deletes the row would: the billing service knows it.
    let log = Log::of(billing.bootstrap())?;
    let sent = log.all(&billing.requests()).await?;
    assert_eq!(sent.len(), 1);
    let again = harness::Raw {
        key: sent[0].key.clone(),
        headers: sent[0]
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect(),
        payload: Some(sent[0].payload.clone()),
        partition: None,
    };
    log.write(&billing.requests(), again).await?;
    eventually("both are handled", async || {
        let committed = log.committed(billing.name(), &billing.requests()).await?;
        Ok(committed.iter().sum::<i64>() == 2)
    })
    .await?;
    assert_eq!(database.effects().await?, expected);
    client.close().await;
    service.stop().await;
    bills.stop().await;
    Ok(())
}
