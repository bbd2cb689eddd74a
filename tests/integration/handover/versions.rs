//! Two versions of one service in one group.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use axum::{Router, http::StatusCode, routing::post};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use harness::{Log, Raw, Stage, Written, call, eventually, keyed};

use super::{Done, PARTITIONS, app};

/// What partition `on` answers to a call there.
async fn ask(log: &Log, stage: &Stage, id: &str, path: &str, on: i32) -> Result<(String, String)> {
    let raw = Raw::post(path, "").on(on).answered_to(stage.replies(), id);
    log.write(&stage.requests(), raw).await?;
    let told = |reply: &Written| {
        let status = reply
            .text(":status")
            .filter(|_| reply.text("kafka_correlationId") == Some(id));
        status.map(|status| {
            (
                status.to_owned(),
                String::from_utf8_lossy(&reply.payload).into(),
            )
        })
    };
    let answered = |seen: &[Written]| seen.iter().any(|it| told(it).is_some());
    let replies = log.read(&stage.replies(), answered).await?;
    replies.iter().find_map(told).context("no answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_endpoint_is_404_where_the_old_version_reads_and_its_one_ways_wait() -> Result<()> {
    let stage = Stage::new("versions");
    let done = Done::default();
    let fresh = Arc::new(AtomicUsize::new(0));
    let named = |name: &'static str| {
        let who = Router::new().route("/who", post(async move || name));
        app(name, &done).merge(who)
    };
    let newer = {
        let fresh = Arc::clone(&fresh);
        let count = async move || {
            fresh.fetch_add(1, Ordering::Relaxed);
            "fresh"
        };
        named("new").merge(Router::new().route("/fresh", post(count)))
    };
    let old = stage
        .service(PARTITIONS)
        .serve(named("old"))
        .start()
        .await?;
    let client = stage.client().await?;
    let log = Log::of(stage.bootstrap())?;
    let one_ways = async || -> Result<()> {
        for partition in 0..PARTITIONS {
            let raw = Raw::post("/fresh", "").on(partition).key("lane");
            log.write(&stage.requests(), raw).await?;
        }
        Ok(())
    };
    one_ways().await?;
    let newer = stage.service(PARTITIONS).serve(newer).start().await?;

    let mut owners = BTreeMap::new();
    let mut round = 0;
    eventually("each has half of the partitions", async || {
        round += 1;
        for partition in 0..PARTITIONS {
            let id = format!("who-{round}-{partition}");
            let (_, owner) = ask(&log, &stage, &id, "/who", partition).await?;
            owners.insert(partition, owner);
        }
        Ok(owners.values().filter(|owner| *owner == "new").count() == 2)
    })
    .await?;
    one_ways().await?;
    for (partition, owner) in &owners {
        let id = format!("fresh-{partition}");
        let (status, body) = ask(&log, &stage, &id, "/fresh", *partition).await?;
        let right = match &**owner {
            "old" => status == "404",
            "new" => (&*status, &*body) == ("200", "fresh"),
            _ => false,
        };
        ensure!(
            right,
            "partition {partition} of {owner} answered {status} {body}"
        );
    }
    // What both know is answered by either.
    let calls = stream::iter(0..40).map(|number: i32| {
        let work = number.to_string();
        call(&client, keyed(stage.post("/work", work.clone()), work))
    });
    let answers: Vec<_> = calls.buffer_unordered(8).try_collect().await?;
    for (status, _) in answers {
        assert_eq!(status, StatusCode::OK);
    }
    done.each_once(40)?;
    ensure!(done.by("old") > 0 && done.by("new") > 0, "one did all");

    old.stop().await;
    let (status, body) = call(&client, stage.post("/fresh", "")).await?;
    assert_eq!((status, &*body), (StatusCode::OK, &b"fresh"[..]));
    eventually("the waiting one-ways are done", async || {
        let committed = log.committed(stage.name(), &stage.requests()).await?;
        Ok(committed == log.ends(&stage.requests()).await?)
    })
    .await?;
    newer.stop().await;
    // Two one-ways of each partition, a call on each, and the last. The calls that were 404 lay behind one-ways
    // that waited, so that their offsets were not committed: they were handled again.
    assert_eq!(fresh.load(Ordering::Relaxed), 8 + 4 + 1);
    assert_eq!(log.ends(&stage.dead_letters()).await?, [0]);
    client.close().await;
    Ok(())
}
