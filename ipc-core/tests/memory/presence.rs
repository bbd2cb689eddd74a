//! A control topic that brings nothing: nobody's silence counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ipc_core::client::{CallError, Client, Rejected};
use ipc_core::response::Replies;
use ipc_core::routing::App;
use ipc_core::service::Service;
use ipc_core::transport::memory::{Faults, Fetch, MemoryTransport, Produce};
use ipc_core::transport::{Outgoing, TopicPartition};
use ipc_core::{endpoint, endpoints};
use tokio::time::{sleep, timeout};

use super::system::{System, TestResult};

/// Far longer than silence is waited out.
const LONG: Duration = Duration::from_secs(60);

/// A reply, another after a long time, and the end.
#[endpoint(GET "/slow", stream)]
async fn slow() -> Replies<u32> {
    let later = stream::once(async {
        sleep(LONG).await;
        2
    });
    Replies::new(stream::iter([1]).chain(later))
}

#[endpoint(GET "/ping")]
async fn ping() -> &'static str {
    "pong"
}

/// Reads of the control topic bring nothing while it is silent.
struct Silent(Arc<AtomicBool>);

impl Faults for Silent {
    fn produce(&mut self, _: &Outgoing, _: i32) -> Produce {
        Produce::Acknowledge
    }

    fn fetch(&mut self, partition: &TopicPartition, _: i64) -> Fetch {
        if *partition.topic == *"clock.control" && self.0.load(Ordering::Relaxed) {
            Fetch::Retry(Duration::from_millis(100))
        } else {
            Fetch::Deliver
        }
    }
}

struct Stage {
    instance: Arc<MemoryTransport>,
    service: Service,
    client: Client,
    silent: Arc<AtomicBool>,
}

async fn stage() -> TestResult<Stage> {
    let system = System::new();
    let silent = Arc::new(AtomicBool::new(false));
    system.set_faults(Silent(Arc::clone(&silent)));
    let app: App = App::new().endpoints(endpoints![slow, ping])?;
    let instance = system.transport();
    let service = Service::builder("clock")
        .create_topics(3)
        .transport(Arc::clone(&instance) as _)
        .serve(app);
    Ok(Stage {
        instance,
        service: service.start().await?,
        client: system.client("web").await?,
        silent,
    })
}

#[tokio::test(start_paused = true)]
async fn a_stream_and_calls_go_on_while_the_control_topic_brings_nothing() -> TestResult {
    let stage = stage().await?;
    let clock = stage.client.service("clock");
    let mut replies = clock.stream(slow::request()).await?;
    assert_eq!(replies.try_next().await?, Some(1));
    stage.silent.store(true, Ordering::Relaxed);
    for _ in 0..10 {
        sleep(LONG / 12).await;
        assert_eq!(clock.call(ping::request()).await?.body, "pong");
    }
    assert_eq!(replies.try_next().await?, Some(2));
    assert_eq!(replies.try_next().await?, None);
    stage.client.close().await;
    stage.service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_died_while_the_control_topic_brought_nothing_is_missed_once_it_is_heard() -> TestResult
{
    let stage = stage().await?;
    let clock = stage.client.service("clock");
    let mut replies = clock.stream(slow::request()).await?;
    assert_eq!(replies.try_next().await?, Some(1));
    stage.silent.store(true, Ordering::Relaxed);
    stage.instance.kill();
    let during = timeout(LONG / 2, replies.next()).await;
    assert!(during.is_err(), "{during:?}");
    stage.silent.store(false, Ordering::Relaxed);
    let end = timeout(LONG / 2, replies.try_next()).await?;
    assert!(matches!(end, Err(CallError::Unknown(_))), "{end:?}");
    let call = clock.call(ping::request()).await;
    assert!(
        matches!(call, Err(CallError::Rejected(Rejected::Absent { .. }))),
        "{call:?}"
    );
    stage.client.close().await;
    Ok(())
}
