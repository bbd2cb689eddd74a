//! An unmodified Spring `ReplyingKafkaTemplate` is answered.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use ipc_core::dispatch::ReplyTopics;
use ipc_core::envelope::{ReplyHead, RequestHead, names};
use ipc_core::handler::{HandlerError, Message, TopicHandler};
use serde_json::{Value, json};

use super::dump;
use super::system::{System, TestResult};

fn requests() -> Vec<dump::Case> {
    dump::parse(include_str!("../golden/spring.txt"))
}

#[tokio::test(start_paused = true)]
async fn every_golden_request_is_answered_where_its_sender_waits() -> TestResult {
    let system = System::new();
    let app = Router::new().route("/orders/7", post(|body: Bytes| async { body }));
    let service = system
        .service("orders")
        .reply_topics(ReplyTopics::default().and("spring.*"))
        .serve(app)
        .start()
        .await?;
    let mut answered = 0;
    for case in requests() {
        let Some(request) = case.request() else {
            continue;
        };
        let head = RequestHead::parse(&request.headers).map_err(|(fault, _)| fault)?;
        let Some(address) = &head.reply_to else {
            continue;
        };
        system.topic(&address.topic, 2).await?;
        let mut replies = system.watch(&address.topic, 2).await?;
        system.send("orders.requests", request.clone()).await?;
        let reply = replies.next().await?;

        let title = &case.title;
        let reply_head = ReplyHead::parse(&reply.envelope.headers).ok_or("not a reply")?;
        assert_eq!(
            Some(reply_head.correlation_id),
            head.correlation_id,
            "{title}"
        );
        assert_eq!(reply.envelope.key, request.key, "{title}");
        if let Some(partition) = address.partition(2) {
            assert_eq!(reply.origin.partition.partition, partition, "{title}");
        }
        if head.method.is_some() {
            assert_eq!(reply_head.status, 200, "{title}");
            assert_eq!(reply.envelope.payload, request.payload, "{title}");
        } else {
            assert_eq!(reply_head.status, 400, "{title}");
        }
        answered += 1;
    }
    assert!(answered >= 4, "only {answered} requests were tried");
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_without_method_and_path_goes_to_its_topics_handler() -> TestResult {
    let system = System::new();
    let upper = TopicHandler::request(|message: Message<Value>| async move {
        let name = message.body["name"].as_str().unwrap_or_default();
        Ok::<_, HandlerError>(json!({ "name": name.to_uppercase() }))
    });
    let service = system
        .service("orders")
        .reply_topics(ReplyTopics::default().and("spring.*"))
        .topic("orders.requests", upper)
        .serve(Router::new())
        .start()
        .await?;
    let cases = requests();
    let mut request = cases
        .iter()
        .find_map(dump::Case::request)
        .ok_or("no request")?
        .clone();
    request.headers.remove(names::METHOD);
    request.headers.remove(names::PATH);
    let head = RequestHead::parse(&request.headers).map_err(|(fault, _)| fault)?;
    let address = head.reply_to.ok_or("no reply topic")?;
    system.topic(&address.topic, 1).await?;
    let mut replies = system.watch(&address.topic, 1).await?;
    system.send("orders.requests", request).await?;
    let reply = replies.next().await?;
    assert_eq!(
        reply.envelope.payload.as_deref(),
        Some(br#"{"name":"ANN"}"#.as_slice())
    );
    service.stop().await;
    Ok(())
}
