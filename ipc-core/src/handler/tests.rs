use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tower::{Layer as _, ServiceExt};

use super::*;
use crate::dispatch::{Delivery, Failure, Outcome, Policy, Reason, Reply, ReplyBody};
use crate::envelope::{
    Accepts, CorrelationId, Envelope, Problem, ReplyAddress, RequestHead, codec,
};
use crate::layer::GuardLayer;
use crate::transport::{Origin, Timestamp, TopicPartition};

#[derive(Deserialize)]
struct Order {
    n: u32,
}

#[derive(Serialize)]
struct Placed {
    n: u32,
}

struct Doubler;

impl RequestHandler<Order> for Doubler {
    type Reply = Placed;

    async fn handle(&self, message: Message<Order>) -> Result<Placed, HandlerError> {
        Ok(Placed {
            n: message.body.n * 2,
        })
    }
}

fn delivery(body: &'static str, head: RequestHead) -> Delivery {
    let envelope = Envelope {
        payload: Some(Bytes::from_static(body.as_bytes())),
        ..Envelope::default()
    };
    let origin = Origin {
        partition: TopicPartition {
            topic: "orders.requests".into(),
            partition: 0,
        },
        offset: 7,
        timestamp: Timestamp::Unknown,
    };
    let finish_by = Instant::now() + Duration::from_secs(30);
    let policy = Arc::new(Policy::new("orders"));
    Delivery::new(envelope, origin, head, policy, finish_by)
}

fn call(body: &'static str) -> Delivery {
    let head = RequestHead {
        correlation_id: Some(CorrelationId::from(Bytes::from_static(b"id"))),
        reply_to: Some(ReplyAddress {
            topic: "replies".into(),
            partition: None,
        }),
        accepts: Accepts::ALL,
        ..RequestHead::default()
    };
    delivery(body, head)
}

fn one_way(body: &'static str) -> Delivery {
    delivery(body, RequestHead::default())
}

async fn outcome(handler: &TopicHandler, delivery: Delivery) -> Outcome {
    let Ok(outcome) = handler.clone().oneshot(delivery).await;
    outcome
}

async fn reply(handler: &TopicHandler, delivery: Delivery) -> (u16, Bytes, Reply) {
    match outcome(handler, delivery).await {
        Outcome::Reply(mut reply) => {
            let empty = ReplyBody::Full(Bytes::new());
            match std::mem::replace(&mut reply.body, empty) {
                ReplyBody::Full(body) => (reply.status, body, reply),
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other:?}"),
    }
}

fn failing(error: HandlerError) -> TopicHandler {
    TopicHandler::one_way(move |_: Message<Order>| std::future::ready(Err(error.clone())))
}

fn problem(status: u16) -> Problem {
    Problem::new("busy", "busy", status)
}

#[tokio::test]
async fn a_handler_by_hand_answers_in_json() {
    let doubler = TopicHandler::request(Doubler);
    let (status, body, reply) = reply(&doubler, call(r#"{"n":4}"#)).await;
    assert_eq!((status, &body[..]), (200, &br#"{"n":8}"#[..]));
    assert_eq!(
        reply.headers.get_str("content-type"),
        Some("application/json")
    );
}

#[tokio::test]
async fn a_closure_sees_the_record_it_is_called_for() {
    let handler = TopicHandler::request(|message: Message<Order>| async move {
        Ok::<_, Problem>((message.body.n, message.delivery.origin.offset))
    });
    let (_, body, _) = reply(&handler, call(r#"{"n":4}"#)).await;
    assert_eq!(body, "[4,7]");
    assert!(matches!(
        outcome(&handler, one_way(r#"{"n":4}"#)).await,
        Outcome::Done
    ));
}

#[tokio::test]
async fn an_unreadable_body_is_400_or_undecodable() {
    let doubler = TopicHandler::request(Doubler);
    let (status, body, reply) = reply(&doubler, call(r#"{"n":"secret"}"#)).await;
    assert_eq!((status, reply.cause), (400, Some(Reason::Undecodable)));
    let problem: Problem = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem.name(), "undecodable");
    assert_eq!(problem.correlation_id.as_deref(), Some("id"));
    assert!(!String::from_utf8_lossy(&body).contains("secret"));

    let Outcome::Failed(failure) = outcome(&doubler, one_way("no")).await else {
        panic!("not failed");
    };
    assert_eq!(
        (failure.reason, failure.retryable),
        (Reason::Undecodable, false)
    );
}

#[tokio::test]
async fn a_panic_is_an_answer_too_under_the_guard() {
    let handler = TopicHandler::request(|_: Message<Order>| async move {
        if true {
            panic!("boom");
        }
        Ok::<u8, HandlerError>(1)
    });
    let guarded = GuardLayer::new(Duration::ZERO).layer(handler);
    let Ok(Outcome::Reply(reply)) = guarded.clone().oneshot(call(r#"{"n":4}"#)).await else {
        panic!("not answered");
    };
    assert_eq!((reply.status, reply.cause), (500, Some(Reason::Panic)));
    let Ok(Outcome::Failed(failure)) = guarded.oneshot(one_way(r#"{"n":4}"#)).await else {
        panic!("not failed");
    };
    assert_eq!(failure.reason, Reason::Panic);
}

#[tokio::test]
async fn one_way_work_is_done_or_accepted() {
    let handler = TopicHandler::one_way(|_: Message<Order>| async { Ok::<_, HandlerError>(()) });
    assert!(matches!(
        outcome(&handler, one_way(r#"{"n":4}"#)).await,
        Outcome::Done
    ));
    assert_eq!(reply(&handler, call(r#"{"n":4}"#)).await.0, 202);
}

#[tokio::test]
async fn the_status_of_a_problem_says_what_a_failure_means() {
    for (status, expected) in [
        (429, None),
        (503, None),
        (500, Some((Reason::ServerError, true))),
        (504, Some((Reason::ServerError, true))),
        (404, Some((Reason::ClientError, false))),
    ] {
        let handler = failing(problem(status).into());
        let means = match outcome(&handler, one_way(r#"{"n":4}"#)).await {
            Outcome::NotNow { after: None } => None,
            Outcome::Failed(Failure {
                reason, retryable, ..
            }) => Some((reason, retryable)),
            other => panic!("{other:?}"),
        };
        assert_eq!(means, expected, "{status}");
    }
}

#[tokio::test]
async fn a_handler_can_say_otherwise() {
    let handler = failing(HandlerError::terminal(problem(503)));
    assert!(matches!(
        outcome(&handler, one_way(r#"{"n":4}"#)).await,
        Outcome::Failed(Failure {
            retryable: false,
            ..
        })
    ));
    let handler = failing(HandlerError::retryable(problem(409)));
    assert!(matches!(
        outcome(&handler, one_way(r#"{"n":4}"#)).await,
        Outcome::Failed(Failure {
            retryable: true,
            ..
        })
    ));
    let after = Duration::from_millis(1500);
    let handler = failing(HandlerError::retry_after(problem(500), after));
    assert!(matches!(
        outcome(&handler, one_way(r#"{"n":4}"#)).await,
        Outcome::NotNow { after: Some(waited) } if waited == after
    ));
    let (status, _, reply) = reply(&handler, call(r#"{"n":4}"#)).await;
    assert_eq!(status, 500);
    assert_eq!(reply.headers.get_str("retry-after"), Some("2"));
}

fn counting() -> TopicHandler {
    TopicHandler::stream(|message: Message<Order>| async move {
        let items = (0..message.body.n).map(Ok);
        let failed = [Err(HandlerError::from(problem(503))), Ok(99)];
        Ok::<_, HandlerError>(stream::iter(items.chain(failed)))
    })
}

#[tokio::test]
async fn a_stream_ends_with_its_first_problem() {
    let Outcome::Reply(reply) = outcome(&counting(), call(r#"{"n":2}"#)).await else {
        panic!("no reply");
    };
    let ReplyBody::Stream(frames) = reply.body else {
        panic!("no stream");
    };
    let mut frames: Vec<_> = frames.collect().await;
    let end = frames.pop().unwrap().unwrap_err();
    assert_eq!(end.0.status, 503);
    let items: Vec<Bytes> = frames.into_iter().map(Result::unwrap).collect();
    assert_eq!(items, ["0", "1"]);
}

#[tokio::test]
async fn a_panic_within_a_stream_is_its_end() {
    let handler = TopicHandler::stream(|_: Message<Order>| async move {
        let items = stream::iter([1, 2]).map(|n| if n == 1 { Ok(n) } else { panic!("boom") });
        Ok::<_, HandlerError>(items)
    });
    let Outcome::Reply(reply) = outcome(&handler, call(r#"{"n":2}"#)).await else {
        panic!("no reply");
    };
    let ReplyBody::Stream(frames) = reply.body else {
        panic!("no stream");
    };
    let frames: Vec<_> = frames.collect().await;
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1].as_ref().unwrap_err().0.name(), "panic");
}

#[tokio::test]
async fn a_caller_who_cannot_read_streams_is_told_before_the_work() {
    let mut delivery = call(r#"{"n":2}"#);
    delivery.record_mut().head.accepts = Accepts::default();
    assert_eq!(reply(&counting(), delivery).await.0, 406);
}

#[tokio::test]
async fn handlers_of_many_kinds_are_one_type() {
    let handlers = [
        TopicHandler::request(Doubler),
        TopicHandler::request_in::<codec::Json, _, Order>(Doubler),
        failing(problem(500).into()),
        counting(),
    ];
    for handler in &handlers {
        let answered = outcome(handler, call(r#"{"n":1}"#)).await;
        assert!(matches!(answered, Outcome::Reply(_)));
    }
}
