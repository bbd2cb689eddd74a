//! What becomes of a call.

use anyhow::{Context, Result};
use harness::{Log, Raw, Stage, Written};

use super::{Ran, app, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_always_answered_and_never_kept() -> Result<()> {
    let stage = Stage::new("answered");
    let ran = Ran::default();
    let service = serve(&stage, app(&ran)).await?;
    let client = stage.client().await?;
    let log = Log::of(stage.bootstrap())?;

    let calls = [
        ("500", Raw::post("/panic", "p")),
        ("418", Raw::post("/teapot", "t")),
        ("502", Raw::post("/broken", "b")),
        ("404", Raw::post("/unknown", "u")),
        (
            "405",
            Raw::new("m")
                .header(":method", "PATCH")
                .header(":path", "/note"),
        ),
        ("400", Raw::post("/note", "x").header(":path", "/note")),
        (
            "400",
            Raw::post("/note", "d").header("ipc-deadline", "soon"),
        ),
        ("400", Raw::new("neither method nor path")),
        ("504", Raw::post("/note", "e").header("ipc-deadline", "1")),
    ];
    for (number, (_, raw)) in calls.iter().enumerate() {
        let raw = raw
            .clone()
            .answered_to(stage.replies(), &format!("call-{number}"));
        log.write(&stage.requests(), raw).await?;
    }
    let is_reply = |record: &&Written| record.header(":status").is_some();
    let all = |seen: &[Written]| seen.iter().filter(is_reply).count() >= calls.len();
    let replies = log.read(&stage.replies(), all).await?;
    for (number, (status, _)) in calls.iter().enumerate() {
        let id = format!("call-{number}");
        let reply = replies
            .iter()
            .find(|reply| reply.text("kafka_correlationId") == Some(&id))
            .with_context(|| format!("no reply to {id}"))?;
        assert_eq!(reply.text(":status"), Some(*status), "{id}");
    }
    assert_eq!(
        *ran.lock(),
        Vec::<String>::new(),
        "handlers that must not run"
    );

    service.stop().await;
    assert_eq!(log.ends(&stage.dead_letters()).await?, [0]);
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, log.ends(&stage.requests()).await?);
    client.close().await;
    Ok(())
}
