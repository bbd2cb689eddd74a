//! What becomes of a record that nobody waits for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use harness::{Log, Raw, Stage, Topic, Written, eventually};
use ipc_core::{dispatch::Limits, envelope::Parked};

use super::{Ran, app, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_way_that_fails_is_kept_with_what_it_said_and_why() -> Result<()> {
    let stage = Stage::new("dead");
    let ran = Ran::default();
    let service = serve(&stage, app(&ran)).await?;
    let log = Log::of(stage.bootstrap())?;

    let json = Raw::post("/json", "[1]").header("content-type", "application/json");
    let failing = [
        ("panic", Raw::post("/panic", "p")),
        ("client-error", Raw::post("/teapot", "t")),
        ("client-error", Raw::post("/nothing", "n")),
        ("client-error", json),
        ("server-error", Raw::post("/broken", "b")),
        (
            "undecodable",
            Raw::post("/note", "x").header(":path", "/note"),
        ),
        ("undecodable", Raw::new("neither method nor path")),
        (
            "expired",
            Raw::post("/note", "e").header("ipc-deadline", "1"),
        ),
        (
            "reply-topic-refused",
            Raw::post("/note", "r").answered_to("somebody.elses.topic", "0123"),
        ),
        (
            "reply-topic-refused",
            Raw::post("/note", "o").answered_to(stage.requests(), "0123"),
        ),
    ];
    let mut sent = Vec::new();
    for (number, (reason, raw)) in failing.into_iter().enumerate() {
        let raw = raw
            .key(format!("key-{number}"))
            .header("authorization", "Bearer s3cret")
            .header("x-mine", vec![0xff, 0x00]);
        let placed = log.write(&stage.requests(), raw.clone()).await?;
        sent.push((reason, raw, placed));
    }
    let kept = log
        .read(&stage.dead_letters(), |kept| kept.len() >= sent.len())
        .await?;
    for (reason, raw, (partition, offset)) in &sent {
        let letter = kept
            .iter()
            .find(|letter| letter.key == raw.key)
            .with_context(|| format!("no dead letter for {reason}"))?;
        assert_eq!(letter.text("ipc-dlq-reason"), Some(*reason), "{letter:?}");
        assert_eq!(Some(&letter.payload), raw.payload.as_ref());
        assert_eq!(letter.header("x-mine"), Some(&[0xff, 0x00][..]));
        assert_eq!(letter.header("authorization"), None);
        assert_eq!(letter.text("ipc-redacted"), Some("authorization"));
        assert_eq!(letter.text("ipc-dlq-attempts"), Some("1"));
        assert_eq!(letter.text("ipc-dlq-service"), Some(stage.name()));
        let spring = |name: &str| letter.header(&format!("kafka_dlt-{name}"));
        assert_eq!(spring("original-topic"), Some(stage.requests().as_bytes()));
        assert_eq!(
            spring("original-partition"),
            Some(&partition.to_be_bytes()[..])
        );
        assert_eq!(spring("original-offset"), Some(&offset.to_be_bytes()[..]));
        assert_eq!(spring("original-timestamp").map(<[u8]>::len), Some(8));
        assert_eq!(spring("original-timestamp-type"), Some(&b"CreateTime"[..]));
        assert_eq!(
            spring("original-consumer-group"),
            Some(stage.name().as_bytes())
        );
        assert!(spring("exception-fqcn").is_some());
        assert!(spring("exception-message").is_some());
    }
    assert_eq!(kept.len(), sent.len());
    assert_eq!(
        *ran.lock(),
        Vec::<String>::new(),
        "handlers that must not run"
    );

    service.stop().await;
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, log.ends(&stage.requests()).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_now_waits_in_its_lane_and_then_succeeds() -> Result<()> {
    let stage = Stage::new("not-now");
    let ran = Ran::default();
    let refusals = Arc::new(AtomicUsize::new(0));
    let handler = async |State((ran, refusals)): State<(Ran, Arc<AtomicUsize>)>, body: String| {
        let answer = match (&*body, refusals.load(Ordering::Relaxed)) {
            ("busy", 0) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            ("busy", 1) => StatusCode::TOO_MANY_REQUESTS.into_response(),
            ("busy", 2) => StatusCode::REQUEST_TIMEOUT.into_response(),
            ("busy", 3) => StatusCode::TOO_EARLY.into_response(),
            ("busy", 4) => (StatusCode::CONFLICT, [("retry-after", "0")]).into_response(),
            _ => Response::default(),
        };
        refusals.fetch_add(usize::from(body == "busy"), Ordering::Relaxed);
        if answer.status().is_success() {
            ran.lock().push(body);
        }
        answer
    };
    let app = Router::new()
        .route("/work", post(handler))
        .with_state((Arc::clone(&ran), Arc::clone(&refusals)));
    let service = serve(&stage, app).await?;
    let log = Log::of(stage.bootstrap())?;
    for work in ["busy", "behind"] {
        let raw = Raw::post("/work", work).key("lane").on(0);
        log.write(&stage.requests(), raw).await?;
    }
    let raw = Raw::post("/work", "overtakes").key("other").on(0);
    log.write(&stage.requests(), raw).await?;

    eventually("all three are done", async || Ok(ran.lock().len() == 3)).await?;
    assert_eq!(*ran.lock(), ["overtakes", "busy", "behind"]);
    assert_eq!(refusals.load(Ordering::Relaxed), 6);
    service.stop().await;
    assert_eq!(
        log.committed(stage.name(), &stage.requests()).await?,
        [3, 0]
    );
    assert_eq!(log.ends(&stage.dead_letters()).await?, [0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_way_for_an_unknown_endpoint_is_kept_after_its_grace() -> Result<()> {
    let stage = Stage::new("unknown");
    let mut limits = Limits::default();
    limits.unknown_endpoint_grace = Duration::from_millis(300);
    let served = stage.service(2).limits(limits).serve(app(&Ran::default()));
    let service = served.start().await?;
    let log = Log::of(stage.bootstrap())?;
    log.write(&stage.requests(), Raw::post("/unknown", "path"))
        .await?;
    let method = Raw::new("method")
        .header(":method", "PATCH")
        .header(":path", "/note");
    log.write(&stage.requests(), method).await?;

    let kept = log
        .read(&stage.dead_letters(), |kept| kept.len() == 2)
        .await?;
    for letter in kept {
        assert_eq!(letter.text("ipc-dlq-reason"), Some("unknown-endpoint"));
    }
    service.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sent_a_one_way_that_is_given_up_is_told_where_it_lies() -> Result<()> {
    let stage = Stage::new("parked");
    Topic::make(stage.bootstrap(), &stage.replies(), 2).await?;
    let ran = Ran::default();
    let service = serve(&stage, app(&ran)).await?;
    let log = Log::of(stage.bootstrap())?;
    let elsewhere = format!("{}.elsewhere", stage.name());
    Topic::make(stage.bootstrap(), &elsewhere, 1).await?;

    let asking = |path: &str, topic: &str| {
        Raw::post(path, "work")
            .header("kafka_correlationId", "0123")
            .header("ipc-parked-topic", topic)
            .header("ipc-parked-partition", "1")
    };
    let refused = asking("/teapot", &elsewhere);
    log.write(&stage.requests(), refused).await?;
    let letters = stage.dead_letters();
    log.read(&letters, |letters| letters.len() == 1).await?;
    let done = asking("/note", &stage.replies());
    log.write(&stage.requests(), done).await?;
    let parked = asking("/broken", &stage.replies());
    let (partition, offset) = log.write(&stage.requests(), parked).await?;

    let told = log.read(&stage.replies(), |told| !told.is_empty()).await?;
    let letters = log.read(&letters, |letters| letters.len() == 2).await?;
    let is_its = |letter: &&Written| {
        letter.header("kafka_dlt-original-partition") == Some(&partition.to_be_bytes())
            && letter.header("kafka_dlt-original-offset") == Some(&offset.to_be_bytes())
    };
    let letter = letters.iter().find(is_its).context("no dead letter")?;
    let [told] = &told[..] else {
        anyhow::bail!("told more than once: {told:?}");
    };
    assert_eq!(told.partition, 1);
    assert_eq!(told.text("kafka_correlationId"), Some("0123"));
    assert_eq!(told.text(":status"), Some("500"));
    assert_eq!(told.text("content-type"), Some("application/problem+json"));
    let parked = Parked::parse(&told.payload).context("no such document")?;
    assert_eq!(parked.reason, "server-error");
    assert_eq!(parked.topic, stage.dead_letters());
    assert_eq!(
        (parked.partition, parked.offset),
        (letter.partition, letter.offset)
    );
    service.stop().await;
    assert_eq!(log.all(&elsewhere).await?.len(), 0);
    assert_eq!(log.all(&stage.replies()).await?.len(), 1);
    Ok(())
}
