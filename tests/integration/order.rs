//! Order per key, and what is committed while records finish out of order.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use harness::{Log, Raw, Stage, eventually, keyed, within};
use ipc_core::{dispatch::Limits, extract::Partition, http::Reserved};
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, mpsc},
    task::yield_now,
};

const PARTITIONS: i32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_one_key_run_in_order_and_one_at_a_time_while_others_overtake() -> Result<()> {
    const KEYS: usize = 20;
    const EACH: usize = 50;
    #[derive(Default)]
    struct Seen {
        running: HashMap<String, usize>,
        order: HashMap<String, Vec<usize>>,
        most_at_once: usize,
        faults: Vec<String>,
    }
    let seen = Arc::new(Mutex::new(Seen::default()));
    let handler = async |State(seen): State<Arc<Mutex<Seen>>>, body: String| {
        let (key, number) = body.split_once(' ').ok_or(StatusCode::BAD_REQUEST)?;
        let number: usize = number.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
        {
            let mut seen = seen.lock();
            let running = seen.running.entry(key.to_owned()).or_default();
            *running += 1;
            if *running > 1 {
                seen.faults.push(format!("{key} {number} was not alone"));
            }
            let at_once = seen.running.values().sum();
            seen.most_at_once = seen.most_at_once.max(at_once);
        }
        for _ in 0..number % 7 * 20 {
            yield_now().await;
        }
        let mut seen = seen.lock();
        if let Some(running) = seen.running.get_mut(key) {
            *running -= 1;
        }
        seen.order.entry(key.to_owned()).or_default().push(number);
        Ok::<_, StatusCode>(())
    };
    let stage = Stage::new("order");
    let app = Router::new()
        .route("/work", post(handler))
        .with_state(Arc::clone(&seen));
    let service = stage.service(PARTITIONS).serve(app).start().await?;
    let client = stage.client().await?;

    for number in 0..EACH {
        for key in 0..KEYS {
            let request = stage.post("/work", format!("key-{key} {number}"));
            let request = keyed(request, format!("key-{key}"));
            client.http_one_way(request, Reserved::Refuse).await?;
        }
    }
    eventually("all work is done", async || {
        Ok(seen.lock().order.values().map(Vec::len).sum::<usize>() == KEYS * EACH)
    })
    .await?;
    service.stop().await;
    let seen = std::mem::take(&mut *seen.lock());
    assert_eq!(seen.faults, Vec::<String>::new());
    assert!(seen.most_at_once > 1, "nothing ran at once");
    for (key, order) in &seen.order {
        assert!(order.is_sorted(), "{key} ran as {order:?}");
    }

    let log = Log::of(stage.bootstrap())?;
    let ends = log.ends(&stage.requests()).await?;
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, ends, "after a stop everything is committed");
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_one_partition_for_us_and_for_the_java_client() -> Result<()> {
    const KEYS: usize = 40;
    let stage = Stage::new("murmur2");
    let (seen, mut works) = mpsc::channel(2 * KEYS);
    let note = move |Partition(partition): Partition, body: String| {
        let seen = seen.clone();
        async move {
            let sent = seen.send((body, partition)).await;
            sent.map_err(|_| StatusCode::GONE)
        }
    };
    let app = Router::new().route("/note", post(note));
    let service = stage.service(12).serve(app).start().await?;
    let client = stage.client().await?;
    let log = Log::of(stage.bootstrap())?;

    let mut by_others = HashMap::new();
    for key in 0..KEYS {
        let key = format!("key-{key}");
        let raw = Raw::post("/note", &*key).key(&*key);
        let (partition, _) = log.write(&stage.requests(), raw).await?;
        by_others.insert(key.clone(), partition);
        let request = keyed(stage.post("/note", key.clone()), key);
        client.http_one_way(request, Reserved::Refuse).await?;
    }
    for _ in 0..2 * KEYS {
        let (key, partition) = within("the work", works.recv()).await?.context("no work")?;
        assert_eq!(by_others.get(&key), Some(&partition.partition), "{key}");
    }
    let used: std::collections::HashSet<_> = by_others.values().collect();
    assert!(used.len() > 1, "one partition proves nothing");

    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_committed_beyond_the_oldest_unfinished_record() -> Result<()> {
    let stage = Stage::new("watermark");
    let gate = Arc::new(Semaphore::new(0));
    let (done, mut works) = mpsc::channel(64);
    let app = Router::new()
        .route("/work", post(gated))
        .with_state((Arc::clone(&gate), done));
    let service = stage.service(1).serve(app).start().await?;
    let log = Log::of(stage.bootstrap())?;

    for number in 0..5 {
        let raw = Raw::post("/work", number.to_string()).key(number.to_string());
        log.write(&stage.requests(), raw).await?;
    }
    log.write(&stage.requests(), Raw::post("/work", "wait").key("slow"))
        .await?;
    for number in 6..20 {
        let raw = Raw::post("/work", number.to_string()).key(number.to_string());
        log.write(&stage.requests(), raw).await?;
    }
    for _ in 0..19 {
        within("the work", works.recv()).await?;
    }
    let committed = async || -> Result<i64> {
        let committed = log.committed(stage.name(), &stage.requests()).await?;
        Ok(committed[0])
    };
    eventually("the first five are committed", async || {
        Ok(committed().await? == 5)
    })
    .await?;
    gate.add_permits(1);
    within("the slow work", works.recv()).await?;
    eventually("the rest is committed", async || {
        Ok(committed().await? == 20)
    })
    .await?;

    service.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_finish_within_the_drain_is_redelivered_and_the_rest_is_not() -> Result<()> {
    let stage = Stage::new("drain");
    let gate = Arc::new(Semaphore::new(0));
    let (done, mut works) = mpsc::channel(64);
    let app = Router::new()
        .route("/work", post(gated))
        .with_state((Arc::clone(&gate), done));
    let mut limits = Limits::default();
    limits.drain = Duration::from_millis(100);
    let first = stage
        .service(1)
        .limits(limits)
        .serve(app.clone())
        .start()
        .await?;
    let log = Log::of(stage.bootstrap())?;

    for work in ["0", "1", "wait", "3", "4"] {
        let raw = Raw::post("/work", work).key(work);
        log.write(&stage.requests(), raw).await?;
    }
    for _ in 0..4 {
        within("the work", works.recv()).await?;
    }
    first.stop().await;
    let committed = log.committed(stage.name(), &stage.requests()).await?;
    assert_eq!(committed, [2]);

    gate.add_permits(1);
    let second = stage.service(1).serve(app).start().await?;
    let mut again = Vec::new();
    for _ in 0..3 {
        again.push(within("the work", works.recv()).await?.context("no work")?);
    }
    again.sort();
    assert_eq!(
        again,
        ["3", "4", "wait"],
        "those at and after the unfinished one"
    );
    second.stop().await;
    assert_eq!(log.committed(stage.name(), &stage.requests()).await?, [5]);
    Ok(())
}

type Gated = (Arc<Semaphore>, mpsc::Sender<String>);

/// Tells when it is done; `wait` needs a permit first.
async fn gated(State((gate, done)): State<Gated>, work: String) -> Result<(), StatusCode> {
    if work == "wait" {
        let permit = gate.acquire().await.map_err(|_| StatusCode::GONE)?;
        permit.forget();
    }
    done.send(work).await.map_err(|_| StatusCode::GONE)
}
