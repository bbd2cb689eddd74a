//! Calls whose sender does not hear the reply.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use http::Request;
use ipc_core::client::{CallError, Client, Elsewhere, Rejected};
use ipc_core::envelope::{CorrelationId, Dialect, ReplyAddress, ReplyHead, names};
use ipc_core::http::Reserved;
use ipc_core::service::Service;

use super::system::{System, TestResult};

const MIB: usize = 1024 * 1024;

async fn served(system: &System) -> TestResult<Service> {
    let count = async |body: Bytes| body.len().to_string();
    let app = Router::new()
        .route("/count", post(count))
        .layer(DefaultBodyLimit::disable());
    Ok(system.service("orders").serve(app).start().await?)
}

fn request(bytes: usize) -> TestResult<Request<Body>> {
    Ok(Request::post("http://orders/count").body(Body::from(vec![b'x'; bytes]))?)
}

fn elsewhere(id: &CorrelationId) -> Elsewhere {
    Elsewhere {
        correlation_id: id.clone(),
        reply_to: ReplyAddress::new("web.operations", Some(1)),
        within: Duration::from_secs(60),
        only_if_present: false,
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_where_its_sender_says_however_large_it_is() -> TestResult {
    let system = System::new();
    let service = served(&system).await?;
    system.topic("web.operations", 2).await?;
    let mut answers = system.watch("web.operations", 2).await?;
    let client = system.client("web").await?;

    // More than may be under way without credit, which nobody here hears of.
    for bytes in [1, 5 * MIB] {
        let id = CorrelationId::random();
        client
            .http_elsewhere(request(bytes)?, Reserved::Refuse, elsewhere(&id))
            .await?;
        assert_eq!(client.pending(), 0);
        let answer = loop {
            let record = answers.next().await?;
            if !record.envelope.headers.contains(names::CONTROL) {
                break record;
            }
        };
        let head = ReplyHead::parse(&answer.envelope.headers).ok_or("it is no reply")?;
        assert_eq!(head.correlation_id, id);
        assert!(head.end && head.chunk.is_none());
        assert_eq!(answer.origin.partition.partition, 1);
        let counted = answer.envelope.payload.ok_or("it is empty")?;
        assert_eq!(counted, bytes.to_string());
    }
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_of_another_dialect_is_not_asked() -> TestResult {
    let system = System::new();
    let client =
        Client::builder("web")
            .create_topics(1)
            .foreign_service("orders", Dialect::NestJs, None);
    let client = client.connect(system.transport()).await?;

    let id = CorrelationId::random();
    let sent = client.http_elsewhere(request(1)?, Reserved::Refuse, elsewhere(&id));

    let refused = sent.await;
    assert!(
        matches!(refused, Err(CallError::Rejected(Rejected::Refused(_)))),
        "{refused:?}"
    );
    client.close().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_absent_is_waited_for_in_the_log_unless_it_is_to_be_there() -> TestResult
{
    let system = System::new();
    for topic in ["orders.requests", "orders.control"] {
        system.topic(topic, 1).await?;
    }
    let client = system.client("web").await?;
    let send = async |only_if_present| {
        let mut elsewhere = elsewhere(&CorrelationId::random());
        elsewhere.only_if_present = only_if_present;
        let request = request(1).map_err(|error| error.to_string());
        let sent = client.http_elsewhere(request?, Reserved::Refuse, elsewhere);
        Ok::<_, String>(sent.await)
    };

    // It is not known at first.
    send(true).await??;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let absent = send(true).await?;
    assert!(
        matches!(absent, Err(CallError::Rejected(Rejected::Absent { .. }))),
        "{absent:?}"
    );
    send(false).await??;
    client.close().await;
    Ok(())
}
