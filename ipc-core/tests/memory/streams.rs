//! Open reply streams.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ipc_core::client::{CallError, Client};
use ipc_core::response::Replies;
use ipc_core::routing::App;
use ipc_core::service::Service;
use ipc_core::transport::Transport;
use ipc_core::{endpoint, endpoints};
use tokio::sync::Notify;

use super::system::{Stopped, System, TestResult};

/// One reply, and then nothing more for as long as anyone waits.
#[endpoint(GET "/ticks", stream)]
async fn ticks(State(stopped): State<Arc<Notify>>) -> Replies<u32> {
    let held = Stopped(stopped);
    let rest = stream::pending().inspect(move |_| {
        let _held = &held;
    });
    Replies::new(stream::iter([7]).chain(rest))
}

#[endpoint(GET "/ping")]
async fn ping() -> &'static str {
    "pong"
}

async fn start(system: &System) -> TestResult<(Service, Client, Arc<Notify>)> {
    let stopped = Arc::new(Notify::new());
    let app: App = App::new()
        .endpoints(endpoints![ticks, ping])?
        .with_state(Arc::clone(&stopped));
    let service = system.service("clock").serve(app).start().await?;
    Ok((service, system.client("web").await?, stopped))
}

#[tokio::test(start_paused = true)]
async fn a_dropped_reply_stream_cancels_its_handlers_stream() -> TestResult {
    let system = System::new();
    let (service, client, stopped) = start(&system).await?;
    let mut replies = client.service("clock").stream(ticks::request()).await?;
    assert_eq!(replies.try_next().await?, Some(7));
    drop(replies);
    tokio::time::timeout(Duration::from_secs(60), stopped.notified()).await?;
    assert_eq!(client.pending(), 0);
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_stream_of_an_instance_that_dies_ends_even_where_its_presence_was_not_heard_yet()
-> TestResult {
    let system = System::new();
    let doomed = system.transport();
    let app: App = App::new()
        .endpoints(endpoints![ticks])?
        .with_state(Arc::new(Notify::new()));
    let service = Service::builder("clock")
        .create_topics(3)
        .transport(Arc::clone(&doomed) as Arc<dyn Transport>)
        .serve(app);
    let _service = service.start().await?;
    let client = system.client("web").await?;
    let mut replies = client.service("clock").stream(ticks::request()).await?;
    assert_eq!(replies.try_next().await?, Some(7));
    doomed.kill();
    let end = tokio::time::timeout(Duration::from_secs(60), replies.try_next()).await?;
    assert!(matches!(end, Err(CallError::Unknown(_))), "{end:?}");
    assert_eq!(client.pending(), 0);
    client.close().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stops_ends_its_streams_so_that_they_can_be_resumed() -> TestResult {
    let system = System::new();
    let (service, client, _) = start(&system).await?;
    let mut replies = client.service("clock").stream(ticks::request()).await?;
    assert_eq!(replies.try_next().await?, Some(7));
    let last = tokio::time::timeout(Duration::from_secs(60), replies.next());
    let (last, ()) = tokio::join!(last, service.stop());
    let last = last?;
    let Some(Err(CallError::Application(told))) = last else {
        return Err(format!("not told: {last:?}").into());
    };
    assert_eq!(told.status(), 503);
    let problem = told.problem().ok_or("no problem document")?;
    assert_eq!(problem.name(), "moved");
    assert_eq!(problem.detail.as_deref(), Some("resume after ipc-seq 1"));
    assert!(replies.next().await.is_none());
    client.close().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn open_streams_on_a_key_do_not_delay_a_call_on_it() -> TestResult {
    const STREAMS: usize = 5_000;
    let system = System::new();
    let (service, client, _) = start(&system).await?;
    let clock = client.service("clock");
    let opening = (0..STREAMS).map(|_| clock.stream(ticks::request()).key("key").into_future());
    let open = futures_util::future::try_join_all(opening).await?;
    assert_eq!(client.pending(), STREAMS);

    let answer = clock
        .call(ping::request())
        .key("key")
        .timeout(Duration::from_secs(1))
        .await?;
    assert_eq!(answer.body, "pong");
    drop(open);
    client.close().await;
    service.stop().await;
    Ok(())
}
