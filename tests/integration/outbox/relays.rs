//! Several relays: one sends at a time, whatever becomes of it.

use std::sync::Arc;

use anyhow::Result;
use harness::{Worker, eventually, metric};
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Desk, LEASE, of_each};

const PROGRAM: &str = env!("CARGO_BIN_EXE_outbox_worker");
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// Another process with a relay.
async fn worker(desk: &Desk) -> Result<Worker> {
    let lease = LEASE.as_millis().to_string();
    let arguments = [&*desk.bootstrap, desk.database.url(), &*lease];
    Worker::serve(PROGRAM, arguments).await
}

/// One that has the lease.
async fn leader(desk: &Desk) -> Result<Worker> {
    let worker = worker(desk).await?;
    eventually("it has the lease", async || {
        Ok(desk.leader().await?.is_some())
    })
    .await?;
    Ok(worker)
}

/// Waits until somebody has the lease for another term than `term`.
async fn another_leads(desk: &Desk, term: Option<i64>) -> Result<()> {
    eventually("another leads", async || {
        let now = desk.leader().await?;
        Ok(now.is_some() && now != term)
    })
    .await
}

/// Commits messages of every key until it is told to stop; answers how many of each.
struct Writing {
    stop: CancellationToken,
    task: JoinSet<Result<usize>>,
}

impl Writing {
    fn start(desk: &Arc<Desk>) -> Self {
        let stop = CancellationToken::new();
        let (desk, stopped) = (Arc::clone(desk), stop.clone());
        let write = async move {
            let mut count = 0;
            while !stopped.is_cancelled() {
                for key in KEYS {
                    desk.commit(key).await?;
                }
                count += 1;
            }
            Ok(count)
        };
        Self {
            stop,
            task: JoinSet::from_iter([write]),
        }
    }

    async fn end(self) -> Result<usize> {
        self.stop.cancel();
        self.task.join_all().await.into_iter().sum()
    }
}

/// Waits until so many records are in the topic.
async fn flows(desk: &Desk, at_least: i64) -> Result<()> {
    eventually("messages arrive", async || {
        let ends = desk.log.ends(&desk.topic).await?;
        Ok(ends.iter().sum::<i64>() >= at_least)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_relay_is_followed_by_another_and_nothing_is_lost() -> Result<()> {
    let desk = Arc::new(Desk::new().await?);
    let first = leader(&desk).await?;
    let second = worker(&desk).await?;
    let writing = Writing::start(&desk);
    flows(&desk, 40).await?;
    let term = desk.leader().await?;
    first.kill().await?;
    another_leads(&desk, term).await?;
    let expected = of_each(KEYS, writing.end().await?);
    let repeated = desk.arrived(&expected).await?;
    // No more than was under way.
    assert!(repeated.values().all(|times| *times <= 1), "{repeated:?}");
    eventually("the rows are gone", async || Ok(desk.waiting().await? == 0)).await?;
    assert_eq!(second.terminate().await?.code(), Some(0));
    assert_eq!(desk.leader().await?, None, "it has given the lease back");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_relay_that_goes_on_repeats_no_more_than_it_had_handed_over() -> Result<()> {
    let desk = Arc::new(Desk::new().await?);
    let first = leader(&desk).await?;
    let second = worker(&desk).await?;
    let writing = Writing::start(&desk);
    flows(&desk, 40).await?;
    let term = desk.leader().await?;
    first.signal(Signal::STOP)?;
    another_leads(&desk, term).await?;
    let expected = of_each(KEYS, writing.end().await?);
    let before = desk.arrived(&expected).await?;
    eventually("the rows are gone", async || Ok(desk.waiting().await? == 0)).await?;

    first.signal(Signal::CONT)?;
    // It is at work again, and ends in order.
    assert_eq!(first.terminate().await?.code(), Some(0));
    let after = desk.repeated(&expected).await?;
    for key in KEYS {
        let (before, after) = (before.get(key), after.get(key));
        let late = after.copied().unwrap_or(0) - before.copied().unwrap_or(0);
        assert!(late <= 1, "key {key}: {late} messages were repeated late");
    }
    assert_eq!(second.terminate().await?.code(), Some(0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_relay_of_many_sends_and_the_next_follows_at_once_when_it_ends() -> Result<()> {
    let desk = Desk::new().await?;
    let first = desk.relay().await?;
    eventually("it has the lease", async || {
        Ok(desk.leader().await?.is_some())
    })
    .await?;
    let second = desk.relay().await?;
    for key in KEYS {
        desk.commit(key).await?;
    }
    desk.arrived(&of_each(KEYS, 1)).await?;
    eventually("it is counted", async || {
        Ok(metric(&first.metrics, "ipc_outbox_sent_total")? >= 4.0)
    })
    .await?;
    assert_eq!(metric(&second.metrics, "ipc_outbox_sent_total")?, 0.0);
    first.end().await;
    for key in KEYS {
        desk.commit(key).await?;
    }
    let repeated = desk.arrived(&of_each(KEYS, 2)).await?;
    assert!(repeated.is_empty(), "{repeated:?}");
    second.end().await;
    assert_eq!(desk.leader().await?, None);
    Ok(())
}
