//! Topics, services and brokers that are not there.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use axum::{Router, body::Body, extract::State, routing::post};
use harness::{PrivateBroker, Stage, call, eventually, within};
use http::{Request, StatusCode};
use ipc_core::{
    client::{CallError, Client, Options, Rejected, UnknownReason},
    health::Role,
    service::Service,
    transport::{
        Cleanup, TopicSpec, Transport,
        kafka::{KafkaConfig, KafkaTransport},
    },
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};
use tower::ServiceExt as _;

fn patient(mut request: Request<Body>, timeout: Duration) -> Request<Body> {
    let mut options = Options::default();
    options.timeout = Some(timeout);
    request.extensions_mut().insert(options);
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_topics_are_named_at_start_with_what_makes_them() -> Result<()> {
    let stage = Stage::new("missing");
    let served = Service::builder(stage.name())
        .kafka(stage.config())
        .serve(Router::new());
    let error = served
        .start()
        .await
        .err()
        .context("it started")?
        .to_string();
    for topic in [
        stage.requests(),
        stage.control(),
        stage.pauses(),
        stage.dead_letters(),
    ] {
        assert!(error.contains(&topic), "{topic} is not in: {error}");
        let mend = format!("--create --if-not-exists --topic {topic}");
        assert!(error.contains(&mend), "{mend} is not in: {error}");
    }
    let connected = Client::builder("nobody")
        .connect_kafka(stage.config())
        .await;
    let error = connected.err().context("it connected")?.to_string();
    assert!(error.contains("nobody.replies"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_would_lose_records_are_named_at_start_with_what_mends_them() -> Result<()> {
    let stage = Stage::new("cleaned");
    let compacted = stage.requests();
    let deleted = stage.pauses();
    let policies = [(&compacted, "compact"), (&deleted, "delete")];
    let specs = policies.map(|(topic, policy)| {
        let spec = TopicSpec::new(topic.as_str(), 1);
        spec.with(Cleanup::SETTING, policy)
    });
    let transport = KafkaTransport::connect(stage.config()).await?;
    transport.create_topics(&specs).await?;
    let served = Service::builder(stage.name())
        .create_topics(1)
        .kafka(stage.config())
        .serve(Router::new());
    let started = within("the start", served.start()).await?;
    let error = started.err().context("it started")?.to_string();
    for (topic, found, wanted) in [
        (&compacted, "compact", "delete"),
        (&deleted, "delete", "compact"),
    ] {
        let told = format!("topic {topic} has cleanup.policy={found}, {wanted} wanted");
        assert!(error.contains(&told), "{told} is not in: {error}");
        let mend = format!("--entity-name {topic} --add-config cleanup.policy={wanted}");
        assert!(error.contains(&mend), "{mend} is not in: {error}");
    }

    let replies = TopicSpec::new(format!("{}.replies", stage.name()), 1);
    let replies = replies.with(Cleanup::SETTING, "compact");
    transport.create_topics(&[replies]).await?;
    let client = Client::builder(stage.name()).connect_kafka(stage.config());
    let connected = within("the connection", client).await?;
    let error = connected.err().context("it connected")?.to_string();
    let told = "replies has cleanup.policy=compact, delete wanted";
    assert!(error.contains(told), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_a_service_nobody_knows_is_unknown_at_its_deadline() -> Result<()> {
    let stage = Stage::new("never");
    let client = stage.client().await?;
    let request = patient(stage.get("/"), Duration::from_millis(500));
    let answer = within("the answer", client.clone().oneshot(request)).await?;
    let Err(CallError::Unknown(unknown)) = answer else {
        bail!("{answer:?}");
    };
    assert_eq!(unknown.reason, UnknownReason::DeadlinePassed);
    assert_eq!(client.pending(), 0);
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_has_gone_is_absent_until_it_is_back() -> Result<()> {
    let stage = Stage::new("absent");
    let app = Router::new().route("/work", post(|| async {}));
    let service = stage.service(1).serve(app.clone()).start().await?;
    let client = stage.client().await?;
    assert_eq!(
        call(&client, stage.post("/work", "")).await?.0,
        StatusCode::OK
    );
    service.stop().await;

    eventually("the service counts as absent", async || {
        let request = patient(stage.post("/work", ""), Duration::from_millis(500));
        match client.clone().oneshot(request).await {
            Err(CallError::Rejected(Rejected::Absent { service, .. })) => {
                assert_eq!(service, stage.name());
                Ok(true)
            }
            Err(CallError::Unknown(_)) => Ok(false),
            other => Err(anyhow::anyhow!("{other:?}")),
        }
    })
    .await?;

    let service = stage.service(1).serve(app).start().await?;
    eventually("the service counts as present", async || {
        match client.clone().oneshot(stage.post("/work", "")).await {
            Ok(response) => Ok(response.status() == StatusCode::OK),
            Err(CallError::Rejected(Rejected::Absent { .. })) => Ok(false),
            Err(error) => Err(error.into()),
        }
    })
    .await?;
    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_outlive_a_broker_that_is_stopped_and_started() -> Result<()> {
    let broker = PrivateBroker::start().await?;
    // How long a broker needs to come back is the machine's affair: neither deadline
    // nor producer gives up before it.
    let config = KafkaConfig::new(broker.bootstrap()).set("message.timeout.ms", "300000");
    let stage = Stage::reached_by(config, "outage");
    let gate = Arc::new(Semaphore::new(0));
    let (begun, mut begins) = mpsc::channel(8);
    type Gated = (Arc<Semaphore>, mpsc::Sender<()>);
    let work = async |State((gate, begun)): State<Gated>, body: String| {
        // The test counts the first only.
        let _ = begun.try_send(());
        // An error says that it was opened for all: what ran already may run again.
        let _ = gate.acquire().await;
        body
    };
    let app = Router::new()
        .route("/work", post(work))
        .with_state((Arc::clone(&gate), begun));
    let service = stage.service(2).serve(app).start().await?;
    let client = stage.client().await?;
    let mut calls = JoinSet::new();
    let send = |calls: &mut JoinSet<Result<(StatusCode, bytes::Bytes)>>, body: &'static str| {
        let request = patient(stage.post("/work", body), Duration::from_secs(300));
        let client = client.clone();
        calls.spawn(async move { call(&client, request).await });
    };
    send(&mut calls, "before");
    within("the work", begins.recv()).await?;

    broker.stop().await?;
    // Answered while nobody can take the answer, and asked while nobody can be asked.
    gate.close();
    send(&mut calls, "meanwhile");
    broker.start_again().await?;
    let mut answers = Vec::new();
    let mut refused = 0;
    while let Some(answer) = calls.join_next().await {
        match answer? {
            Ok((status, body)) => {
                ensure!(status == StatusCode::OK, "{status}");
                answers.push(body);
            }
            // A client that knows already that it hears nothing has sent nothing either.
            Err(error) => match error.downcast::<CallError>()? {
                CallError::Rejected(Rejected::InboxNotReady) => refused += 1,
                error => bail!(error),
            },
        }
    }
    answers.sort();
    let answered: &[&str] = match refused {
        0 => &["before", "meanwhile"],
        _ => &["before"],
    };
    assert_eq!(answers, answered);

    eventually("the client hears again", async || Ok(client.is_ready())).await?;
    assert_eq!(
        call(&client, stage.post("/work", "after")).await?.1,
        "after"
    );
    service.stop().await;
    client.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_tells_of_a_broker_that_is_away_and_liveness_does_not() -> Result<()> {
    let broker = PrivateBroker::start().await?;
    let stage = Stage::on(broker.bootstrap(), "ready");
    let service = stage.service(1).serve(Router::new()).start().await?;
    let health = service.health().clone();
    let client = Client::builder("ready-callers")
        .create_topics(1)
        .health(health.clone(), Role::Assists)
        .connect_kafka(stage.config())
        .await?;
    let ready = || health.facts(Instant::now()).readiness(Instant::now());
    eventually("the service is ready", async || {
        Ok(ready().is_ok() && ready().warnings().is_empty())
    })
    .await?;

    broker.stop().await?;
    let tells = |thing: &str| {
        ready()
            .reasons()
            .iter()
            .any(|reason| reason.starts_with(thing))
    };
    let (consumer, inbox) = (
        format!("consumer of {}: no broker for ", stage.requests()),
        "reply inbox ready-callers.replies: ",
    );
    eventually("readiness tells of consumer and inbox", async || {
        Ok(tells(&consumer) && tells(inbox))
    })
    .await?;
    let alive = health.facts(Instant::now()).liveness(Instant::now());
    ensure!(alive.is_ok(), "{alive:?}");

    broker.start_again().await?;
    eventually("the service is ready again", async || {
        Ok(ready().is_ok() && ready().warnings().is_empty())
    })
    .await?;
    service.stop().await;
    client.close().await;
    Ok(())
}
