//! Services of other frameworks, as a client sees them.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::Request;
use http_body_util::BodyExt as _;
use ipc_core::client::{CallError, Client, ClientBuilder, Options, UnknownReason};
use ipc_core::envelope::{Dialect, Envelope, names};
use tokio::time::{sleep, timeout};
use tokio::{select, try_join};
use tower::ServiceExt as _;

use super::system::{System, TestResult};

fn builder(reply_partitions: i32, dialect: Dialect) -> ClientBuilder {
    Client::builder("shop")
        .create_topics(reply_partitions)
        .foreign_service("theirs", dialect, None)
}

#[tokio::test(start_paused = true)]
async fn a_dialect_without_a_reply_partition_needs_a_reply_topic_with_one() -> TestResult {
    let system = System::new();
    let refused = builder(3, Dialect::FastStream)
        .connect(system.transport())
        .await;
    let error = refused.err().ok_or("it connected")?;
    assert!(error.is_configuration());
    for part in ["shop.replies has 3 partitions", "theirs", "one partition"] {
        assert!(error.to_string().contains(part), "{part} is not in {error}");
    }

    let system = System::new();
    for (partitions, dialect) in [(1, Dialect::FastStream), (1, Dialect::NestJs)] {
        let client = builder(partitions, dialect).connect(system.transport());
        client.await?.close().await;
    }
    Ok(())
}

fn request() -> TestResult<Request<Body>> {
    let mut options = Options::default();
    options.timeout = Some(Duration::from_secs(10));
    let request = Request::get("http://theirs/").extension(options);
    Ok(request.body(Body::empty())?)
}

#[tokio::test(start_paused = true)]
async fn a_foreign_service_is_told_of_no_cancel_and_never_taken_for_absent() -> TestResult {
    let system = System::new();
    system.topic("theirs.requests", 1).await?;
    system.topic("theirs.control", 1).await?;
    let mut requests = system.watch("theirs.requests", 1).await?;
    let control = system.watch("theirs.control", 1).await?;
    let client = builder(3, Dialect::Native)
        .connect(system.transport())
        .await?;

    select! {
        answer = client.clone().oneshot(request()?) => return Err(format!("{answer:?}").into()),
        sent = requests.next() => sent?,
    };
    // Longer than one of ours may be silent.
    sleep(Duration::from_secs(10)).await;
    assert!(control.is_empty());

    let answer = client.clone().oneshot(request()?).await;
    let Err(CallError::Unknown(unknown)) = answer else {
        return Err(format!("{answer:?}").into());
    };
    assert_eq!(unknown.reason, UnknownReason::DeadlinePassed);
    client.close().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_foreign_answer_that_never_ends_breaks_off_at_the_deadline() -> TestResult {
    let system = System::new();
    system.topic("theirs.requests", 1).await?;
    let mut requests = system.watch("theirs.requests", 1).await?;
    let client = builder(1, Dialect::NestJs)
        .connect(system.transport())
        .await?;

    let replier = async {
        let request = requests.next().await?.envelope;
        let id = request.headers.get(names::CORRELATION_ID);
        let mut value = Envelope {
            payload: Some(Bytes::from_static(b"1")),
            ..Envelope::default()
        };
        let id = id.ok_or("no correlation id")?.clone();
        value.headers.push_static(names::CORRELATION_ID, id);
        system.send("shop.replies", value).await
    };
    let (answer, ()) = try_join!(
        async { TestResult::Ok(client.clone().oneshot(request()?).await?) },
        replier
    )?;
    let body = timeout(Duration::from_secs(60), answer.into_body().collect()).await?;
    let error = body.err().ok_or("the answer ended well")?;
    assert!(error.to_string().contains("broke off"), "{error}");
    assert_eq!(client.pending(), 0);
    client.close().await;
    Ok(())
}
