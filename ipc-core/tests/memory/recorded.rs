//! Reply streams that come again.

use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use ipc_core::client::{CallError, Client};
use ipc_core::envelope::Problem;
use ipc_core::response::Replies;
use ipc_core::routing::App;
use ipc_core::service::Service;
use ipc_core::store::{
    ClaimDecorator, ClaimRequest, Claimed, Dedup, DedupStore, Effects, FinishError, MemoryStore,
    StoreDecorator, StoreError, StoredReply,
};
use ipc_core::{endpoint, endpoints};

use super::dedup::Runs;
use super::system::{System, TestResult};

const SECOND: Duration = Duration::from_secs(1);

/// The number of the run, and then numbers without one, a second each.
#[endpoint(POST "/count", stream, idempotency = required)]
async fn count(State(runs): State<Runs>) -> Replies<usize> {
    let run = runs.one_more();
    let rest = stream::iter(0..20).then(async |number| {
        tokio::time::sleep(SECOND).await;
        number
    });
    Replies::new(stream::iter([run]).chain(rest))
}

#[endpoint(POST "/long", stream, idempotency = required, max_reply = 10)]
async fn long(State(runs): State<Runs>) -> Replies<String> {
    let run = runs.one_more();
    Replies::new(stream::iter([format!("run {run}"), "more".to_owned()]))
}

type Numbers = BoxStream<'static, Result<usize, CallError<Problem>>>;

struct Counting {
    service: Service,
    client: Client,
    runs: Runs,
}

impl Counting {
    async fn start(dedup: impl Into<Dedup>) -> TestResult<Self> {
        let system = System::new();
        let runs = Runs::default();
        let app: App = App::new()
            .endpoints(endpoints![count, long])?
            .with_state(runs.clone());
        let service = system.service("numbers").dedup(dedup).serve(app);
        Ok(Self {
            service: service.start().await?,
            client: system.client("web").await?,
            runs,
        })
    }

    /// Whether it is a repetition, and the numbers.
    async fn count(&self, key: &'static str) -> Result<(bool, Numbers), CallError<Problem>> {
        let numbers = self.client.service("numbers");
        let request = numbers.stream(count::request()).timeout(5 * SECOND);
        let replies = request.idempotency_key(key).await?;
        let is_replayed = replies.headers().contains("ipc-replayed");
        Ok((is_replayed, replies.boxed()))
    }

    async fn long(&self) -> Result<Vec<String>, CallError<Problem>> {
        let numbers = self.client.service("numbers");
        let request = numbers.stream(long::request()).idempotency_key("k");
        request.await?.try_collect().await
    }

    async fn end(self) {
        self.client.close().await;
        self.service.stop().await;
    }
}

fn problem(error: &CallError<Problem>) -> TestResult<String> {
    let CallError::Application(told) = error else {
        return Err(format!("no problem: {error}").into());
    };
    let kind = told.problem().ok_or("no problem")?.kind;
    Ok(kind.trim_start_matches("urn:ipc:problem:").to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_comes_again_is_replayed_reply_by_reply() -> TestResult {
    let numbers = Counting::start(MemoryStore::new(10)).await?;
    let (is_replayed, first) = numbers.count("k").await?;
    assert!(!is_replayed);
    let first: Vec<usize> = first.try_collect().await?;
    assert_eq!(first.len(), 21);
    let (is_replayed, again) = numbers.count("k").await?;
    assert!(is_replayed);
    let again: Vec<usize> = again.try_collect().await?;
    assert_eq!(again, first);
    assert_eq!(numbers.runs.count(), 1);
    numbers.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_its_claim_for_as_long_as_it_goes_on() -> TestResult {
    let dedup = Dedup::new(MemoryStore::new(10)).lease_margin(SECOND);
    let numbers = Counting::start(dedup).await?;
    let (_, mut first) = numbers.count("k").await?;
    let mut received = Vec::new();
    while received.len() < 15 {
        received.extend(first.try_next().await?);
    }
    let meanwhile = numbers.count("k").await.err().ok_or("it is answered")?;
    assert_eq!(problem(&meanwhile)?, "request-running");
    received.extend(first.try_collect::<Vec<_>>().await?);
    assert_eq!(received.len(), 21);
    let (_, again) = numbers.count("k").await?;
    let again: Vec<usize> = again.try_collect().await?;
    assert_eq!(again, received);
    assert_eq!(numbers.runs.count(), 1);
    numbers.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_caller_has_left_begins_anew() -> TestResult {
    let numbers = Counting::start(MemoryStore::new(10)).await?;
    let (_, mut first) = numbers.count("k").await?;
    assert_eq!(first.try_next().await?, Some(1));
    drop(first);
    let (_, again) = numbers.count("k").await?;
    let again: Vec<usize> = again.try_collect().await?;
    assert_eq!(again.first(), Some(&2));
    assert_eq!(numbers.runs.count(), 2);
    numbers.end().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn of_a_stream_longer_than_its_endpoint_keeps_it_is_known_that_it_was_there() -> TestResult {
    let numbers = Counting::start(MemoryStore::new(10)).await?;
    assert_eq!(numbers.long().await?, ["run 1", "more"]);
    let again = numbers.long().await.err().ok_or("it is answered")?;
    assert_eq!(problem(&again)?, "reply-not-kept");
    assert_eq!(numbers.runs.count(), 1);
    numbers.end().await;
    Ok(())
}

/// Nobody sees the end of a stream that another instance may begin again.
#[tokio::test(start_paused = true)]
async fn a_stream_that_was_taken_over_does_not_end_well() -> TestResult {
    let numbers = Counting::start(TakenOver(MemoryStore::new(10))).await?;
    let (_, first) = numbers.count("k").await?;
    let told = first.try_collect::<Vec<_>>().await;
    let told = told.err().ok_or("it has ended well")?;
    assert_eq!(problem(&told)?, "request-taken-over");
    numbers.end().await;
    Ok(())
}

/// A store in which every claim is soon another owner's.
#[derive(Debug)]
struct TakenOver(MemoryStore);

#[async_trait]
impl StoreDecorator for TakenOver {
    fn inner(&self) -> &dyn DedupStore {
        &self.0
    }

    fn granted(&self, _: &ClaimRequest, claimed: Box<dyn Claimed>) -> Box<dyn Claimed> {
        Lost.before(claimed)
    }
}

#[derive(Debug)]
struct Lost;

#[async_trait]
impl ClaimDecorator for Lost {
    async fn extend(&mut self, _: &mut dyn Claimed, _: Duration) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn finish(
        self,
        _: Box<dyn Claimed>,
        _: &StoredReply,
        _: Effects,
    ) -> Result<(), FinishError> {
        Err(FinishError::Fenced)
    }
}
