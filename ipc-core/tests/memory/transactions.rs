//! Exactly-once endpoints: outputs and offsets appear at once, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{Request, StatusCode};
use ipc_core::client::Client;
use ipc_core::dispatch::{Guarantee, Policy};
use ipc_core::envelope::{Envelope, Headers, Parked, names};
use ipc_core::extract::Outputs;
use ipc_core::service::{Service, ServiceBuilder};
use ipc_core::transport::memory::{Faults, Fetch, MemoryTransport, Produce, Transact};
use ipc_core::transport::{Outgoing, TopicPartition, Transaction};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

use super::system::{System, TestResult, Watch};

const SETTLED: Duration = Duration::from_secs(5);

/// `orders` with exactly-once endpoints, on one partition.
struct Stage {
    system: System,
    outputs: Watch,
    gate: Arc<Semaphore>,
}

impl Stage {
    async fn new() -> TestResult<Self> {
        let system = System::new();
        system.topic("placed", 1).await?;
        let outputs = system.watch("placed", 1).await?;
        let gate = Arc::new(Semaphore::new(0));
        Ok(Self {
            system,
            outputs,
            gate,
        })
    }

    fn builder(&self, transport: Arc<MemoryTransport>) -> ServiceBuilder {
        let mut policy = Policy::new("exactly once");
        policy.guarantee = Guarantee::ExactlyOnce;
        Service::builder("orders")
            .create_topics(1)
            .transport(transport)
            .default_policy(policy)
    }

    /// `work` writes what it is told, `slow` waits before, `fail` answers 500 after it
    /// and `lost` writes to a topic that is not there.
    fn app(&self) -> Router {
        let gate = Arc::clone(&self.gate);
        let send = |topic: &'static str| {
            async move |out: Outputs, body: String| {
                let sent = out.send(topic, None, body.clone());
                sent.map(|()| body).map_err(|_| StatusCode::GONE)
            }
        };
        let work = send("placed");
        let slow = async move |out: Outputs, body: String| {
            let opened = gate.acquire().await.map_err(|_| StatusCode::GONE)?;
            opened.forget();
            work(out, body).await
        };
        let fail = async move |out: Outputs, body: String| {
            let _ = send("placed")(out, body).await;
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Router::new()
            .route("/work", post(send("placed")))
            .route("/slow", post(slow))
            .route("/fail", post(fail))
            .route("/lost", post(send("nowhere")))
    }

    async fn serve(&self) -> TestResult<Service> {
        let builder = self.builder(self.system.transport());
        Ok(builder.serve(self.app()).start().await?)
    }

    /// A one-way.
    async fn send(&self, path: &str, body: &str) -> TestResult {
        self.system
            .send("orders.requests", request(path, body))
            .await
    }

    async fn next_output(&mut self) -> TestResult<String> {
        let payload = self.outputs.next().await?.envelope.payload;
        Ok(String::from_utf8(payload.ok_or("no payload")?.to_vec())?)
    }

    fn committed(&self) -> Option<i64> {
        self.system.committed("orders", 0)
    }
}

fn request(path: &str, body: &str) -> Envelope {
    let mut headers = Headers::new();
    headers.push_static(names::METHOD, "POST");
    headers.push_static(names::PATH, path.to_owned());
    Envelope {
        headers,
        key: None,
        payload: Some(body.to_owned().into()),
    }
}

async fn call(client: &Client, path: &str, body: &str) -> TestResult<StatusCode> {
    let body = Body::from(body.to_owned());
    let request = Request::post(format!("http://orders{path}")).body(body)?;
    Ok(client.clone().oneshot(request).await?.status())
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_when_its_outputs_and_its_offset_are_committed() -> TestResult {
    let mut stage = Stage::new().await?;
    let service = stage.serve().await?;
    let client = stage.system.client("web").await?;
    let begun = Instant::now();
    assert_eq!(call(&client, "/work", "a").await?, StatusCode::OK);
    assert!(
        begun.elapsed() >= Duration::from_millis(50),
        "it waits for company"
    );
    assert_eq!(stage.committed(), Some(1));
    assert!(!stage.outputs.is_empty());
    assert_eq!(stage.next_output().await?, "a");
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn outputs_wait_for_every_older_record_of_their_partition() -> TestResult {
    let mut stage = Stage::new().await?;
    let service = stage.serve().await?;
    stage.send("/slow", "first").await?;
    stage.send("/work", "second").await?;
    sleep(SETTLED).await;
    assert!(stage.outputs.is_empty());
    assert_eq!(stage.committed(), Some(0), "no more than that it is begun");
    stage.gate.add_permits(1);
    assert_eq!(stage.next_output().await?, "first");
    assert_eq!(stage.next_output().await?, "second");
    assert_eq!(stage.committed(), Some(2));
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_was_held_when_its_instance_died_is_written_once_by_the_next() -> TestResult {
    let mut stage = Stage::new().await?;
    let transport = stage.system.transport();
    let builder = stage.builder(Arc::clone(&transport));
    let first = builder.serve(stage.app()).start().await?;
    stage.send("/slow", "first").await?;
    stage.send("/work", "second").await?;
    sleep(SETTLED).await;
    transport.kill();
    drop(first);
    // The handler of the dead has not noticed yet.
    stage.gate.add_permits(2);
    let second = stage.serve().await?;
    assert_eq!(stage.next_output().await?, "first");
    assert_eq!(stage.next_output().await?, "second");
    sleep(SETTLED).await;
    assert!(stage.outputs.is_empty());
    second.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_that_was_taken_for_dead_writes_nothing() -> TestResult {
    let mut stage = Stage::new().await?;
    let transport = stage.system.transport();
    let zombie = stage.builder(Arc::clone(&transport));
    let zombie = zombie.serve(stage.app()).start().await?;
    stage.send("/slow", "once").await?;
    sleep(SETTLED).await;
    transport.expel();
    let second = stage.serve().await?;
    second.assigned().await;
    sleep(SETTLED).await;
    stage.gate.add_permits(2);
    assert_eq!(stage.next_output().await?, "once");
    sleep(SETTLED).await;
    assert!(stage.outputs.is_empty(), "the zombie wrote");
    assert_eq!(stage.committed(), Some(1));
    second.stop().await;
    zombie.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_failed_handler_leaves_its_dead_letter_and_no_outputs() -> TestResult {
    let mut stage = Stage::new().await?;
    let service = stage.serve().await?;
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    let client = stage.system.client("web").await?;
    stage.send("/fail", "one-way").await?;
    stage.send("/work", "good").await?;
    assert_eq!(stage.next_output().await?, "good");
    assert_eq!(stage.committed(), Some(2), "with the letter");
    let letter = letters.next().await?.envelope;
    assert_eq!(letter.payload.as_deref(), Some(&b"one-way"[..]));
    let status = call(&client, "/fail", "call").await?;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    sleep(SETTLED).await;
    assert!(stage.outputs.is_empty() && letters.is_empty());
    assert_eq!(stage.committed(), Some(3));
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn outputs_that_no_topic_takes_end_their_own_record_alone() -> TestResult {
    let mut stage = Stage::new().await?;
    let service = stage.serve().await?;
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    let client = stage.system.client("web").await?;
    stage.send("/work", "before").await?;
    stage.send("/lost", "one-way").await?;
    stage.send("/work", "after").await?;
    let refused = call(&client, "/lost", "call").await?;
    assert_eq!(refused, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(stage.next_output().await?, "before");
    assert_eq!(stage.next_output().await?, "after");
    let letter = letters.next().await?.envelope;
    assert_eq!(letter.payload.as_deref(), Some(&b"one-way"[..]));
    sleep(SETTLED).await;
    assert_eq!(stage.committed(), Some(4));
    assert!(stage.outputs.is_empty() && letters.is_empty());
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_sender_of_a_one_way_is_told_where_its_letter_lies_once_that_is_committed() -> TestResult
{
    let stage = Stage::new().await?;
    // The letter is in no transaction before the last of these.
    stage.system.set_faults(Troubled(vec![
        Transact::LoseAnswer,
        Transact::Abort,
        Transact::Abort,
        Transact::Abort,
    ]));
    let service = stage.serve().await?;
    stage.system.topic("shop.replies", 1).await?;
    let mut told = stage.system.watch("shop.replies", 1).await?;
    let mut letters = stage.system.watch("orders.dlq", 1).await?;
    let mut request = request("/fail", "never");
    request.headers.push_static(names::CORRELATION_ID, "one");
    request
        .headers
        .push_static(names::PARKED_TOPIC, "shop.replies");
    stage.system.send("orders.requests", request).await?;

    let told = told.next().await?.envelope;
    assert_eq!(stage.committed(), Some(1), "told too soon");
    let letter = letters.next().await?.origin;
    assert_eq!(told.headers.get_str(names::CORRELATION_ID), Some("one"));
    let parked = Parked::parse(&told.payload.unwrap_or_default()).ok_or("no such document")?;
    assert_eq!(&*parked.topic, "orders.dlq");
    assert_eq!(
        (parked.partition, parked.offset),
        (letter.partition.partition, letter.offset)
    );
    service.stop().await;
    assert!(letters.is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_reply_topic_that_is_gone_holds_no_transaction_up() -> TestResult {
    let mut stage = Stage::new().await?;
    let service = stage.serve().await?;
    let mut request = request("/fail", "never");
    request.headers.push_static(names::CORRELATION_ID, "one");
    request
        .headers
        .push_static(names::PARKED_TOPIC, "gone.replies");
    stage.system.send("orders.requests", request).await?;
    stage.send("/work", "after").await?;
    assert_eq!(stage.next_output().await?, "after");
    service.stop().await;
    assert_eq!(stage.committed(), Some(2));
    Ok(())
}

/// Transactions end in every way, one after the other.
struct Troubled(Vec<Transact>);

impl Faults for Troubled {
    fn produce(&mut self, _: &Outgoing, _: i32) -> Produce {
        Produce::Acknowledge
    }

    fn fetch(&mut self, _: &TopicPartition, _: i64) -> Fetch {
        Fetch::Deliver
    }

    fn transact(&mut self, _: &Transaction) -> Transact {
        self.0.rotate_left(1);
        self.0[0]
    }
}

#[tokio::test(start_paused = true)]
async fn each_record_has_its_output_once_however_transactions_end() -> TestResult {
    const RECORDS: usize = 200;
    let mut stage = Stage::new().await?;
    stage.system.set_faults(Troubled(vec![
        Transact::Abort,
        Transact::LoseAnswer,
        Transact::CommitAfter(Duration::from_millis(300)),
        Transact::Abort,
        Transact::Commit,
    ]));
    let service = stage.serve().await?;
    for record in 0..RECORDS {
        stage.send("/work", &record.to_string()).await?;
        sleep(Duration::from_millis(7)).await;
    }
    let mut seen = BTreeMap::new();
    for _ in 0..RECORDS {
        *seen.entry(stage.next_output().await?).or_insert(0) += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    service.stop().await;
    assert!(stage.outputs.is_empty());
    assert_eq!(stage.committed(), Some(i64::try_from(RECORDS)?));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_drain_commits_what_was_handled() -> TestResult {
    let mut stage = Stage::new().await?;
    let service = stage.serve().await?;
    stage.send("/work", "last").await?;
    // Handled, and not due yet.
    sleep(Duration::from_millis(10)).await;
    assert!(stage.outputs.is_empty());
    service.stop().await;
    assert_eq!(stage.next_output().await?, "last");
    assert_eq!(stage.committed(), Some(1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn outputs_are_refused_where_nothing_would_write_them() -> TestResult {
    let stage = Stage::new().await?;
    let service = stage.system.service("orders").serve(stage.app());
    let service = service.start().await?;
    let client = stage.system.client("web").await?;
    let status = call(&client, "/work", "a").await?;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    service.stop().await;
    assert!(stage.outputs.is_empty());
    Ok(())
}
