//! Before a service that is killed.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Result, ensure};
use harness::{Log, Stage, Topic, Worker, Written, eventually};
use http::{StatusCode, header::RETRY_AFTER};
use tokio::time::timeout;

use super::front::{Front, body};

const PROGRAM: &str = env!("CARGO_BIN_EXE_worker");

/// How long a client waits here, which is far less than the gateway does.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// Calls may take minutes: an answer that comes while a client waits is no timeout.
fn settings(stage: &Stage) -> String {
    format!(
        "reply_partitions = 1\n\
         timeout = \"5m\"\n\
         [breaker]\n\
         mode = \"on\"\n\
         [[routes]]\n\
         path = \"/work\"\n\
         service = \"{service}\"\n\
         [[routes]]\n\
         path = \"/later\"\n\
         service = \"{service}\"\n\
         mode = \"one_way\"\n\
         rewrite = \"/work\"\n",
        service = stage.name(),
    )
}

/// An answer: its status, whether it says when to try again, and what it says.
type Answer = (StatusCode, bool, String);

/// Asks, for as long as a client waits.
async fn ask(front: &Front, path: &str, work: &str) -> Result<Option<Answer>> {
    let Ok(answer) = timeout(IMPATIENCE, front.post(path, work)).await else {
        return Ok(None);
    };
    let answer = answer?;
    let (status, says_when) = (answer.status(), answer.headers().contains_key(RETRY_AFTER));
    Ok(Some((status, says_when, body(answer).await?)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_is_503_at_once_and_nothing_that_was_accepted_is_lost() -> Result<()> {
    let stage = Stage::new("gateway");
    let effects = Topic::create(stage.bootstrap(), "effects", 1).await?;
    let (effects, log) = (effects.name(), Log::of(stage.bootstrap())?);
    let worker = Worker::start(PROGRAM, &stage, effects, "first", false).await?;
    let front = Front::start(&stage, &settings(&stage)).await?;
    eventually("a call is answered", async || {
        let answer = ask(&front, "/work", "call").await?;
        Ok(answer.is_some_and(|(status, ..)| status == StatusCode::OK))
    })
    .await?;

    worker.kill().await?;
    let mut accepted = Vec::new();
    let accept = async |works: &mut Vec<String>| -> Result<()> {
        let work = format!("one-way-{}", works.len());
        match ask(&front, "/later", &work).await? {
            Some((StatusCode::ACCEPTED, ..)) => works.push(work),
            other => ensure!(other.is_none(), "{other:?}"),
        }
        Ok(())
    };
    eventually("calls are refused while their clients wait", async || {
        accept(&mut accepted).await?;
        let Some((status, says_when, text)) = ask(&front, "/work", "call").await? else {
            return Ok(false);
        };
        ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "{text}");
        ensure!(says_when, "{text}");
        // First the client knows, and then the breaker.
        Ok(text.contains("urn:ipc:problem:breaker-open"))
    })
    .await?;
    ensure!(!accepted.is_empty(), "one-ways need nobody to be there");

    let second = Worker::start(PROGRAM, &stage, effects, "second", false).await?;
    eventually("calls are answered again", async || {
        accept(&mut accepted).await?;
        let answer = ask(&front, "/work", "again").await?;
        Ok(answer.is_some_and(|(status, ..)| status == StatusCode::OK))
    })
    .await?;
    let all_done = |written: &[Written]| {
        let texts = written
            .iter()
            .map(|it| String::from_utf8_lossy(&it.payload));
        let done: BTreeSet<String> = texts
            .filter(|text| text.starts_with("done "))
            .filter_map(|text| Some(text.rsplit_once(' ')?.1.to_owned()))
            .collect();
        accepted.iter().all(|work| done.contains(work))
    };
    log.read(effects, all_done).await?;

    front.stop().await?;
    second.terminate().await?;
    Ok(())
}
