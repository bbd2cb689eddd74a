//! Records that end the process that handles them.

mod unsuspected;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use ipc_core::dispatch::{Guarantee, Limits, Policy, Quarantine};
use ipc_core::envelope::{Envelope, Headers, names};
use ipc_core::health::Health;
use ipc_core::metrics::Metrics;
use ipc_core::redrive::{DeadLetters, Filter};
use ipc_core::service::{Service, ServiceBuilder};
use ipc_core::transport::memory::MemoryTransport;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::system::{System, TestResult};

/// What handlers do with a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Finish,
    /// It takes a second.
    Work,
    /// It ends the process.
    Kill,
    /// It never ends.
    Hang,
}

/// Begun and finished bodies, of all lives.
#[derive(Default)]
struct Story {
    begun: Vec<String>,
    done: Vec<String>,
}

#[derive(Clone)]
struct Hands {
    transport: Arc<MemoryTransport>,
    act: fn(&str) -> Act,
    story: Arc<Mutex<Story>>,
    begun: mpsc::Sender<String>,
    died: Arc<Notify>,
}

async fn work(State(hands): State<Hands>, body: String) {
    hands.story.lock().begun.push(body.clone());
    // A test that looks no more has seen what it wanted.
    let _ = hands.begun.try_send(body.clone());
    match (hands.act)(&body) {
        Act::Finish => hands.story.lock().done.push(body),
        Act::Work => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            hands.story.lock().done.push(body);
        }
        Act::Hang => pending().await,
        Act::Kill => {
            hands.transport.kill();
            hands.died.notify_one();
            pending().await
        }
    }
}

/// One instance, from its start to its end.
struct Life {
    service: Service,
    died: Arc<Notify>,
    begun: mpsc::Receiver<String>,
    health: Health,
    transport: Arc<MemoryTransport>,
}

impl Life {
    /// The next body that is begun.
    async fn begins(&mut self) -> TestResult<String> {
        let hour = Duration::from_secs(60 * 60);
        let begun = tokio::time::timeout(hour, self.begun.recv()).await?;
        begun.ok_or_else(|| "the handler has gone".into())
    }

    /// It ends where it stands.
    fn killed(self) {
        self.transport.kill();
    }
}

/// `orders`, whose instances live one after the other.
struct Stage {
    system: System,
    story: Arc<Mutex<Story>>,
    metrics: Metrics,
    partitions: i32,
    set_up: fn(ServiceBuilder) -> ServiceBuilder,
}

impl Stage {
    async fn new(partitions: i32) -> TestResult<Self> {
        let system = System::new();
        system.topic("orders.requests", partitions).await?;
        system.topic("orders.dlq", partitions).await?;
        Ok(Self {
            system,
            story: Arc::default(),
            metrics: Metrics::new(),
            partitions,
            set_up: |service| service,
        })
    }

    async fn send(&self, key: &'static str, body: &'static str) -> TestResult {
        self.system.send("orders.requests", record(key, body)).await
    }

    async fn live(&self, act: fn(&str) -> Act) -> TestResult<Life> {
        let transport = self.system.transport();
        let died = Arc::new(Notify::new());
        let (begun, begins) = mpsc::channel(1024);
        let hands = Hands {
            transport: Arc::clone(&transport),
            act,
            story: Arc::clone(&self.story),
            begun,
            died: Arc::clone(&died),
        };
        let health = Health::new();
        let app = Router::new().route("/work", post(work)).with_state(hands);
        let service = Service::builder("orders")
            .create_topics(self.partitions)
            .transport(Arc::<MemoryTransport>::clone(&transport))
            .health(health.clone())
            .metrics(self.metrics.clone());
        let service = (self.set_up)(service).serve(app).start().await?;
        Ok(Life {
            service,
            died,
            begun: begins,
            health,
            transport,
        })
    }

    /// Lets one instance live after the other until a dead letter is written. Answers
    /// how many died, and the letter.
    async fn until_dead_letter(&self, act: fn(&str) -> Act) -> TestResult<(u32, Envelope)> {
        let mut letters = self.system.watch("orders.dlq", self.partitions).await?;
        let mut deaths = 0;
        loop {
            let life = self.live(act).await?;
            tokio::select! {
                letter = letters.next() => {
                    life.service.stop().await;
                    assert!(letters.is_empty(), "more than one dead letter");
                    return Ok((deaths, letter?.envelope));
                }
                () = life.died.notified() => deaths += 1,
            }
            assert!(deaths < 20, "nothing is quarantined");
        }
    }

    fn suspected(&self) -> Option<String> {
        let page = self.metrics.render();
        let mut lines = page.lines();
        lines
            .find_map(|line| line.strip_prefix("ipc_partitions_suspected_total "))
            .map(str::to_owned)
    }

    /// The next life handles this body, and nothing else was ever finished.
    async fn handles(&self, body: &str) -> TestResult {
        let mut life = self.live(|_| Act::Finish).await?;
        assert_eq!(life.begins().await?, body);
        life.service.stop().await;
        assert_eq!(self.done(), [body]);
        Ok(())
    }

    fn done(&self) -> Vec<String> {
        self.story.lock().done.clone()
    }
}

fn record(key: &'static str, body: &'static str) -> Envelope {
    let mut headers = Headers::new();
    headers.push_static(names::METHOD, "POST");
    headers.push_static(names::PATH, "/work");
    Envelope {
        headers,
        key: (!key.is_empty()).then(|| key.into()),
        payload: Some(body.into()),
    }
}

/// Who commits: the consumer, or transactions.
const COMMITS: [fn(ServiceBuilder) -> ServiceBuilder; 2] = [
    |service| service,
    |service| {
        let mut policy = Policy::new("exactly once");
        policy.guarantee = Guarantee::ExactlyOnce;
        service.default_policy(policy)
    },
];

fn poison_kills(body: &str) -> Act {
    match body {
        "poison" => Act::Kill,
        _ => Act::Finish,
    }
}

fn poison_kills_and_innocents_work(body: &str) -> Act {
    match body {
        "poison" => Act::Kill,
        "innocent" => Act::Work,
        _ => Act::Finish,
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_ended_three_processes_is_a_dead_letter_and_all_others_are_handled()
-> TestResult {
    for set_up in COMMITS {
        let mut stage = Stage::new(1).await?;
        stage.set_up = set_up;
        for (key, body) in [
            ("lane", "one"),
            ("other", "two"),
            ("lane", "poison"),
            ("lane", "three"),
            ("other", "four"),
        ] {
            stage.send(key, body).await?;
        }
        let (deaths, letter) = stage.until_dead_letter(poison_kills).await?;
        assert_eq!(deaths, 3);
        let said = |name| letter.headers.get_str(name);
        assert_eq!(said(names::DLQ_REASON), Some("quarantined"));
        assert_eq!(letter.payload.as_deref(), Some(&b"poison"[..]));

        let mut life = stage.live(poison_kills).await?;
        stage.send("lane", "five").await?;
        while life.begins().await? != "five" {}
        life.service.stop().await;
        let begun = stage.story.lock().begun.clone();
        let poisoned = begun.iter().filter(|body| *body == "poison").count();
        assert_eq!(poisoned, 3, "{begun:?}");
        let of_lane = |body: &String| ["poison", "three", "five"].contains(&&**body);
        let lane: Vec<String> = begun.into_iter().filter(of_lane).collect();
        assert_eq!(lane, ["poison", "poison", "poison", "three", "five"]);
        let done = stage.done();
        for body in ["one", "two", "three", "four", "five"] {
            assert!(done.iter().any(|it| it == body), "{body} in {done:?}");
        }
        assert_eq!(stage.system.committed("orders", 0), Some(6));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_quarantined_record_can_be_redriven() -> TestResult {
    let stage = Stage::new(1).await?;
    stage.send("lane", "poison").await?;
    stage.until_dead_letter(poison_kills).await?;
    let letters = DeadLetters::open(stage.system.transport(), "orders.dlq").await?;
    let filter = Filter::new().reason("quarantined");
    let report = letters.redrive(filter).run().await?;
    assert_eq!(report.done(), 1, "{report:?}");
    stage.handles("poison").await
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ended_three_processes_is_answered_500() -> TestResult {
    let stage = Stage::new(1).await?;
    stage.system.topic("web.replies", 1).await?;
    let mut call = record("lane", "poison");
    call.headers.push_static(names::CORRELATION_ID, "call-1");
    call.headers.push_static(names::REPLY_TOPIC, "web.replies");
    stage.system.send("orders.requests", call).await?;
    let mut replies = stage.system.watch("web.replies", 1).await?;
    let mut deaths = 0;
    let reply = loop {
        let life = stage.live(poison_kills).await?;
        tokio::select! {
            reply = replies.next() => {
                life.service.stop().await;
                break reply?.envelope;
            }
            () = life.died.notified() => deaths += 1,
        }
    };
    assert_eq!(deaths, 3);
    assert_eq!(reply.headers.get_str(names::STATUS), Some("500"));
    let problem = String::from_utf8(reply.payload.unwrap_or_default().to_vec())?;
    assert!(problem.contains("quarantined"), "{problem}");
    let letters = stage.system.watch("orders.dlq", 1).await?;
    assert!(letters.is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_neighbour_on_another_partition_is_not_blamed() -> TestResult {
    // Whether they are at work when it happens, or have just finished.
    let acts: [fn(&str) -> Act; 2] = [poison_kills_and_innocents_work, poison_kills];
    for (act, set_up) in acts
        .into_iter()
        .flat_map(|act| COMMITS.map(|set_up| (act, set_up)))
    {
        let mut stage = Stage::new(4).await?;
        stage.set_up = set_up;
        let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
        for key in keys {
            stage.send(key, "innocent").await?;
        }
        stage.send("a", "poison").await?;
        let (_, letter) = stage.until_dead_letter(act).await?;
        assert_eq!(letter.payload.as_deref(), Some(&b"poison"[..]));
        let mut life = stage.live(act).await?;
        stage.send("a", "last").await?;
        while life.begins().await? != "last" {}
        life.service.stop().await;
        let done = stage.done();
        let innocents = done.iter().filter(|it| *it == "innocent").count();
        assert!(innocents >= 8, "{done:?}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_record_that_waits_does_not_hide_the_one_that_kills() -> TestResult {
    let mut stage = Stage::new(1).await?;
    // What has no endpoint waits, and holds the offset.
    stage.set_up = |service| {
        let mut limits = Limits::default();
        limits.unknown_endpoint_grace = Duration::from_secs(24 * 60 * 60);
        service.limits(limits)
    };
    let mut waits = record("first", "waits");
    waits.headers = Headers::new();
    waits.headers.push_static(names::METHOD, "POST");
    waits.headers.push_static(names::PATH, "/later");
    stage.system.send("orders.requests", waits).await?;
    stage.send("second", "poison").await?;
    let (deaths, letter) = stage.until_dead_letter(poison_kills).await?;
    assert_eq!(deaths, 3);
    assert_eq!(letter.payload.as_deref(), Some(&b"poison"[..]));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn readiness_tells_of_a_suspicion_until_it_has_passed() -> TestResult {
    let mut stage = Stage::new(1).await?;
    stage.set_up = |service| {
        let mut limits = Limits::default();
        limits.concurrency = 2;
        service.limits(limits)
    };
    stage.send("a", "holds").await?;
    let mut life = stage.live(|_| Act::Hang).await?;
    life.begins().await?;
    life.killed();

    let holds = |body: &str| match body {
        "holds" => Act::Hang,
        _ => Act::Finish,
    };
    let mut life = stage.live(holds).await?;
    life.begins().await?;
    let warned = |life: &Life| {
        let verdict = {
            let now = tokio::time::Instant::now();
            life.health.facts(now).readiness(now)
        };
        format!("{verdict:?}").contains("one record at a time")
    };
    assert!(warned(&life));
    life.service.stop().await;

    let mut life = stage.live(|_| Act::Finish).await?;
    for body in ["one", "two", "three"] {
        stage.send("a", body).await?;
    }
    while life.begins().await? != "three" {}
    assert!(!warned(&life));
    assert_eq!(stage.suspected().as_deref(), Some("1"));
    life.service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_quarantined_a_record_is_begun_again_for_ever() -> TestResult {
    let mut stage = Stage::new(1).await?;
    stage.set_up = |service| service.quarantine(Quarantine::Never);
    stage.send("lane", "poison").await?;
    for _ in 0..8 {
        let life = stage.live(poison_kills).await?;
        life.died.notified().await;
    }
    stage.handles("poison").await
}

#[tokio::test(start_paused = true)]
async fn a_quarantine_after_one_death_keeps_a_service_from_starting() -> TestResult {
    let mut stage = Stage::new(1).await?;
    stage.set_up = |service| service.quarantine(Quarantine::After(1));
    let refused = stage.live(poison_kills).await.err().ok_or("it started")?;
    assert!(
        refused.to_string().contains("Quarantine::After(2)"),
        "{refused}"
    );
    Ok(())
}
