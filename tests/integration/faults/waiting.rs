//! One-ways that wait for another attempt, a reply stream and a redrive, while a leader is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use harness::{Log, Stage, ThreeBrokers, eventually, keyed, within};
use http_body_util::BodyExt as _;
use ipc_core::{
    client::Client,
    dispatch::{Policy, RetryPolicy, RetrySpec},
    extract::Attempt,
    http::Reserved,
    redrive::{DeadLetters, Filter, Letters},
    service::Service,
    transport::{Transport, kafka::KafkaTransport},
};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{interval, sleep},
};
use tower::ServiceExt as _;

use super::PARTITIONS;

/// One-ways; a third each succeeds, fails once, and fails until the handlers are mended.
const WORKS: u32 = 60;
/// From one to the next.
const PACE: Duration = Duration::from_millis(50);
/// Events of the stream, one each tenth of a second.
const EVENTS: u32 = 40;
const DELAY: Duration = Duration::from_secs(1);
/// Letters that are sent back each second.
const RATE: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// So many are sent, and so many sent back, when the leader is killed.
const SENT: usize = 10;
const SENT_BACK: u64 = 4;

/// What the handlers of both instances share.
#[derive(Clone, Default)]
struct Workshop {
    is_mended: Arc<AtomicBool>,
    done: Arc<Mutex<BTreeMap<u32, u32>>>,
}

impl Workshop {
    fn has_done(&self, works: &BTreeSet<u32>) -> bool {
        let done = self.done.lock();
        works.iter().all(|work| done.contains_key(work))
    }
}

fn fails_once(work: u32) -> bool {
    work % 3 == 1
}

fn fails_for_now(work: u32) -> bool {
    work % 3 == 2
}

async fn work(
    State(workshop): State<Workshop>,
    Attempt(attempt): Attempt,
    body: String,
) -> StatusCode {
    let Ok(work) = body.parse() else {
        return StatusCode::BAD_REQUEST;
    };
    let is_mended = workshop.is_mended.load(Ordering::Relaxed);
    if fails_once(work) && attempt == 1 || fails_for_now(work) && !is_mended {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    *workshop.done.lock().entry(work).or_default() += 1;
    StatusCode::NO_CONTENT
}

async fn events() -> Sse<impl stream::Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::iter(0..EVENTS).then(|number| async move {
        sleep(Duration::from_millis(100)).await;
        Ok(Event::default().data(number.to_string()))
    }))
}

async fn instance(stage: &Stage, workshop: &Workshop) -> Result<Service> {
    let mut policy = Policy::new("POST /work");
    let spec = RetrySpec::attempts(2).backoff(DELAY, DELAY);
    policy.retry = Some(spec.policy(RetryPolicy::Tiers));
    let app = Router::new()
        .route("/work", post(work))
        .route("/events", get(events))
        .with_state(workshop.clone());
    let service = stage.service(PARTITIONS).default_policy(policy);
    Ok(service.serve(app).start().await?)
}

/// Sends works. Answers those that the log has acknowledged.
async fn send_all(
    stage: &Stage,
    client: &Client,
    works: Vec<u32>,
    sent: &watch::Sender<usize>,
) -> Result<BTreeSet<u32>> {
    let mut acknowledged = BTreeSet::new();
    let mut pace = interval(PACE);
    for (number, work) in works.into_iter().enumerate() {
        pace.tick().await;
        let request = stage.post("/work", work.to_string());
        let request = keyed(request, work.to_be_bytes().to_vec());
        let end = within("an end", client.http_one_way(request, Reserved::Refuse)).await?;
        if end.is_ok() {
            acknowledged.insert(work);
        }
        sent.send_replace(number);
    }
    Ok(acknowledged)
}

/// Hears a stream to its end. Answers whether it came whole: where it breaks off its caller is told, and what it
/// has heard by then is in order and without gaps.
async fn listen(stage: &Stage, client: &Client) -> Result<bool> {
    let Ok(response) = client.clone().oneshot(stage.get("/events")).await else {
        return Ok(false);
    };
    let mut body = response.into_body();
    let mut numbers = 0..EVENTS;
    while let Some(frame) = within("the next event", body.frame()).await? {
        let Ok(frame) = frame else {
            return Ok(false);
        };
        let data = frame.into_data().ok().context("no data")?;
        let number = numbers.next().context("an event too many")?;
        ensure!(
            data == format!("data: {number}\n\n"),
            "{data:?} at {number}"
        );
    }
    ensure!(
        numbers.is_empty(),
        "without {numbers:?}, and nobody was told"
    );
    Ok(true)
}

/// The works that have dead letters.
async fn given_up(log: &Log, stage: &Stage) -> Result<BTreeSet<u32>> {
    let letters = log.all(&stage.dead_letters()).await?;
    let works = letters.iter().filter_map(|letter| {
        let work = str::from_utf8(&letter.payload).ok()?;
        work.parse().ok()
    });
    Ok(works.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_a_stream_and_a_redrive_lose_nothing_when_their_leader_is_killed() -> Result<()> {
    let mut brokers = ThreeBrokers::start().await?;
    let stage = Stage::on(brokers.bootstrap(), "waiting");
    let workshop = Workshop::default();
    let services = [
        instance(&stage, &workshop).await?,
        instance(&stage, &workshop).await?,
    ];
    let client = stage.client().await?;
    let retries = format!("{}.retry.1s", stage.name());
    let letters = stage.dead_letters();
    for topic in [&stage.requests(), &stage.replies(), &letters, &retries] {
        brokers.in_sync(topic).await?;
    }
    let (sent, mut sending) = watch::channel(0);
    let (later, sooner) = (0..WORKS).partition(|work| fails_for_now(*work));
    let later = send_all(&stage, &client, later, &sent).await?;
    ensure!(!later.is_empty(), "nothing was acknowledged that fails");
    let log = Log::of(stage.bootstrap())?;
    eventually("what fails is given up", async || {
        Ok(given_up(&log, &stage).await?.is_superset(&later))
    })
    .await?;
    workshop.is_mended.store(true, Ordering::Relaxed);

    let mut streams = JoinSet::new();
    let (to, caller) = (stage.clone(), client.clone());
    streams.spawn(async move { listen(&to, &caller).await });
    let mut senders = JoinSet::new();
    let (to, sender) = (stage.clone(), client.clone());
    sent.send_replace(0);
    senders.spawn(async move { send_all(&to, &sender, sooner, &sent).await });
    let transport: Arc<dyn Transport> = Arc::new(KafkaTransport::connect(stage.config()).await?);
    let dead_letters = DeadLetters::open(transport, &letters).await?;
    let (settled, mut settling) = watch::channel(0);
    let run = dead_letters.redrive(Filter::new()).rate(RATE);
    let run = run.watch(move |report| {
        settled.send_replace(report.settled());
    });
    let mut redrives = JoinSet::new();
    redrives.spawn(run.run());

    let some_sent = sending.wait_for(|sent| *sent >= SENT);
    within("some are sent", some_sent).await??;
    let some_sent_back = settling.wait_for(|settled| *settled >= SENT_BACK);
    within("some are sent back", some_sent_back).await??;
    let leader = brokers.leader(&letters, 0).await?;
    brokers.kill(leader).await?;

    let sooner = within("the last is sent", senders.join_next()).await?;
    let sooner = sooner.context("nobody sends")???;
    // A run that could not go on has an error, and the next one goes on where it stopped.
    drop(within("the end of the run", redrives.join_next()).await?);
    eventually("every letter is sent back", async || {
        let again = dead_letters.redrive(Filter::new()).run().await;
        let open = dead_letters.list(Filter::new()).await;
        Ok(again.is_ok() && open.is_ok_and(|open| Letters::count(&open) == 0))
    })
    .await?;
    eventually("all is done", async || {
        Ok(workshop.has_done(&sooner) && workshop.has_done(&later))
    })
    .await?;
    let heard = within("the end of the stream", streams.join_next()).await?;
    heard.context("nobody listens")???;
    eventually("a stream comes whole", async || {
        listen(&stage, &client).await
    })
    .await?;
    client.close().await;
    for service in services {
        service.stop().await;
    }
    Ok(())
}
