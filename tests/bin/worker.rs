//! A service for the tests that end its process: what it does stands in a topic of effects.

use std::{future::pending, time::Duration};

use anyhow::Result;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use harness::{Arguments, Log, Raw};
use ipc_core::{
    dispatch::{Guarantee, Policy, RetryPolicy, RetrySpec, TopicPartition},
    extract::{Attempt, Offset, Outputs, Partition},
    service::Service,
    transport::kafka::KafkaConfig,
};

#[derive(Clone)]
struct Effects {
    log: Log,
    topic: String,
    name: String,
    manner: Manner,
}

/// What the handlers do with their work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Work,
    /// They never end.
    Hold,
    /// They fail at the first attempt, and have retry topics.
    Fail,
    /// Work whose name begins with `poison` ends the process.
    Abort,
    /// They write to the topic of effects what they are told, exactly once. Where its name begins with `poison`, the
    /// process ends instead.
    Copy,
    /// Work whose name begins with `flaky` fails at the first attempt, and has its key parked.
    Park,
}

impl Effects {
    /// Writes down what is done for the request at this place.
    async fn write(&self, what: &str, work: &str, place: &Place) -> Result<(), StatusCode> {
        let effect = Raw::new(format!("{what} {} {work}", self.name))
            .header("partition", place.0.partition.to_string())
            .header("offset", place.1.to_string());
        let written = self.log.write(&self.topic, effect).await;
        written
            .map(drop)
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Where a request was read.
type Place = (TopicPartition, i64);

async fn work(
    State(effects): State<Effects>,
    Attempt(attempt): Attempt,
    Partition(partition): Partition,
    Offset(offset): Offset,
    work: String,
) -> Result<String, StatusCode> {
    let place = (partition, offset);
    effects.write("begun", &work, &place).await?;
    match effects.manner {
        Manner::Hold => return pending().await,
        Manner::Fail if attempt == 1 => return Err(StatusCode::INTERNAL_SERVER_ERROR),
        Manner::Abort if work.starts_with("poison") => end(),
        Manner::Park if attempt == 1 && work.starts_with("flaky") => {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Manner::Fail | Manner::Work | Manner::Abort | Manner::Copy | Manner::Park => {}
    }
    effects.write("done", &work, &place).await?;
    Ok(work)
}

async fn copy(State(effects): State<Effects>, outputs: Outputs, work: String) -> StatusCode {
    if work.starts_with("poison") {
        end();
    }
    match outputs.send(effects.topic, None, work) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests see what becomes of its work"
)]
fn end() -> ! {
    std::process::abort()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = Arguments::of_this_process();
    let bootstrap = arguments.next("bootstrap servers")?;
    let service = arguments.next("the service's name")?;
    let topic = arguments.next("the topic of effects")?;
    let name = arguments.next("the instance's name")?;
    let manner = match &*arguments.next("work, hold, fail, abort, copy or park")? {
        "hold" => Manner::Hold,
        "fail" => Manner::Fail,
        "abort" => Manner::Abort,
        "copy" => Manner::Copy,
        "park" => Manner::Park,
        _ => Manner::Work,
    };
    let effects = Effects {
        log: Log::of(&bootstrap)?,
        topic,
        name,
        manner,
    };
    let app = Router::new()
        .route("/work", post(work))
        .route("/copy", post(copy))
        .with_state(effects);
    let mut service = Service::builder(service)
        .kafka(KafkaConfig::new(bootstrap))
        .create_topics(4);
    let policy = match manner {
        Manner::Fail => Some(RetryPolicy::Tiers),
        Manner::Park => Some(RetryPolicy::KeyParked),
        Manner::Work | Manner::Hold | Manner::Abort | Manner::Copy => None,
    };
    if let Some(policy) = policy {
        let delay = Duration::from_secs(8);
        let retry = RetrySpec::attempts(2).backoff(delay, delay);
        service = service.retry(retry.policy(policy));
    }
    if manner == Manner::Copy {
        let mut policy = Policy::new("copy");
        policy.guarantee = Guarantee::ExactlyOnce;
        service = service.default_policy(policy);
    }
    harness::serve(service, app).await
}
