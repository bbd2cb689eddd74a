//! Somebody pauses a service, or an endpoint of it, and resumes it.

use std::time::Duration;

use ipc_core::client::{CallError, Client, Rejected};
use ipc_core::envelope::pause::PauseScope;
use ipc_core::pause::{Change, Pauses};
use ipc_core::prelude::{App, endpoints};
use ipc_core::service::Service;
use tokio::time::{Instant, sleep};

use super::{Seen, are_paused, job_unstored, measures, plain, problem, until, warnings};
use crate::system::{System, TestResult};

const BOUND: Duration = Duration::from_secs(10);
/// A pause that callers wait out, and one that they do not.
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(4);
const DAYS: Duration = Duration::from_secs(3 * 24 * 60 * 60);

async fn start(system: &System, seen: &Seen) -> TestResult<Service> {
    let app: App = App::new()
        .endpoints(endpoints![job_unstored, plain])?
        .with_state(seen.clone());
    let service = system.service("orders").serve(app).start().await?;
    Ok(service)
}

async fn pauses(system: &System) -> TestResult<Pauses> {
    Ok(Pauses::open(system.transport(), "orders").await?)
}

async fn send(client: &Client, keys: usize, numbers: std::ops::Range<usize>) -> TestResult {
    let orders = client.service("orders");
    for nth in numbers {
        for key in 0..keys {
            let job = job_unstored::request(key.to_string(), nth.to_string());
            orders.send(job).await?;
        }
    }
    Ok(())
}

/// Whether so many instances are there, and all obey.
async fn all_obey(change: &Change, instances: usize) -> bool {
    let heard = change.obeyed(BOUND).await;
    heard.len() == instances && heard.iter().all(|it| it.obeys && it.unknown.is_empty())
}

#[tokio::test(start_paused = true)]
async fn a_paused_service_stays_so_across_restarts_and_days_and_goes_on_in_order() -> TestResult {
    let (system, seen) = (System::new(), Seen::default());
    let (first, second) = (start(&system, &seen).await?, start(&system, &seen).await?);
    let client = system.client("web").await?;
    send(&client, 8, 0..3).await?;
    until("the first are handled", || seen.count() == 24).await?;

    let paused = pauses(&system).await?;
    let change = paused.pause(&[PauseScope::Service], "stocktaking").await?;
    assert!(all_obey(&change, 2).await);
    drop(change);
    send(&client, 8, 3..6).await?;
    client.close().await;
    first.stop().await;
    second.stop().await;

    sleep(DAYS).await;
    let again = start(&system, &seen).await?;
    again.assigned().await;
    until("partitions are paused", || are_paused(&again, true)).await?;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(seen.count(), 24);
    let told = warnings(&again);
    let why = "consumption is stopped: it is paused: stocktaking";
    assert!(told.iter().any(|text| text == why), "{told:?}");
    let now = Instant::now();
    assert!(again.health().facts(now).readiness(now).is_ok());
    let gauge = r#"ipc_consumption_stopped{endpoint="",cause="operator"} 1"#;
    assert!(measures(&again, gauge));

    let change = paused.resume(&[PauseScope::Service]).await?;
    until("all is handled", || seen.count() == 48).await?;
    assert!(all_obey(&change, 1).await);
    assert!(seen.has_all(8, 6), "{:?}", seen.lanes());
    assert_eq!(paused.paused().await?, []);
    again.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn callers_of_a_paused_service_are_told_once_it_is_no_short_pause() -> TestResult {
    let (system, seen) = (System::new(), Seen::default());
    let services = [start(&system, &seen).await?, start(&system, &seen).await?];
    let client = system.client("web").await?;
    let orders = client.service("orders");
    orders.call(plain::request()).await?;
    let paused = pauses(&system).await?;
    let scope = [PauseScope::Service];
    assert!(all_obey(&paused.pause(&scope, "").await?, 2).await);

    // A short pause is waited out.
    let began = Instant::now();
    let waits = orders.call(plain::request());
    let resumes = async {
        sleep(SHORT).await;
        paused.resume(&scope).await
    };
    let (answer, resumed) = tokio::join!(waits, resumes);
    assert_eq!(answer?.body, "plain");
    assert!(began.elapsed() >= SHORT);
    assert!(all_obey(&resumed?, 2).await);

    assert!(all_obey(&paused.pause(&scope, "").await?, 2).await);
    sleep(LONG).await;
    let told = orders.call(plain::request()).await;
    let Err(CallError::Rejected(Rejected::Paused { service, .. })) = told else {
        return Err("not told".into());
    };
    assert_eq!(service, "orders");
    // What nobody waits for is taken as ever.
    send(&client, 1, 0..3).await?;

    assert!(all_obey(&paused.resume(&scope).await?, 2).await);
    until("what was sent is handled", || seen.count() == 3).await?;
    assert_eq!(orders.call(plain::request()).await?.body, "plain");
    client.close().await;
    for service in services {
        service.stop().await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_paused_endpoint_waits_while_the_others_go_on_and_a_call_to_it_is_told() -> TestResult {
    let (system, seen) = (System::new(), Seen::default());
    let service = start(&system, &seen).await?;
    let client = system.client("web").await?;
    let orders = client.service("orders");
    let paused = pauses(&system).await?;
    let scopes = ["POST /unstored/{key}", "GET /plain", "GET /nothing"].map(PauseScope::from);
    let change = paused.pause(&scopes, "").await?;
    let heard = change.obeyed(BOUND).await;
    assert!(heard.iter().all(|it| it.obeys));
    assert_eq!(heard[0].unknown, [PauseScope::from("GET /nothing")]);

    send(&client, 5, 0..4).await?;
    let kind = problem(orders.call(plain::request()).await)?;
    assert!(kind.ends_with("paused"), "{kind}");
    paused.resume(&[PauseScope::from("GET /plain")]).await?;
    let answer = orders.call(plain::request()).await?;
    assert_eq!(answer.body, "plain");
    assert!(are_paused(&service, false));
    assert_eq!(seen.count(), 0);
    let left: Vec<_> = paused
        .paused()
        .await?
        .into_iter()
        .map(|it| it.scope)
        .collect();
    assert_eq!(left, [scopes[2].clone(), scopes[0].clone()]);

    paused.resume(&scopes).await?;
    until("all is handled", || seen.count() == 20).await?;
    assert!(seen.has_all(5, 4), "{:?}", seen.lanes());
    client.close().await;
    service.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_that_leaves_has_taken_in_waits_at_its_successor() -> TestResult {
    let (system, seen) = (System::new(), Seen::default());
    let first = start(&system, &seen).await?;
    let client = system.client("web").await?;
    let paused = pauses(&system).await?;
    let scope = [PauseScope::from("POST /unstored/{key}")];
    let change = paused.pause(&scope, "").await?;
    assert!(all_obey(&change, 1).await);
    send(&client, 6, 0..5).await?;
    let second = start(&system, &seen).await?;
    second.assigned().await;
    first.stop().await;
    sleep(Duration::from_secs(30)).await;
    assert_eq!(seen.count(), 0);
    paused.resume(&scope).await?;
    until("all is handled", || seen.count() == 30).await?;
    assert!(seen.has_all(6, 5), "{:?}", seen.lanes());
    client.close().await;
    second.stop().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_there_or_cannot_be_paused_is_told() -> TestResult {
    let system = System::new();
    let told = |service| Pauses::open(system.transport(), service);
    let nobody = told("nobody").await.expect_err("nobody serves").to_string();
    assert!(nobody.contains("no service nobody"), "{nobody}");
    system.topic("old.control", 1).await?;
    let old = told("old").await.expect_err("it has no pauses").to_string();
    assert!(old.contains("old.pauses"), "{old}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_start_says_that_the_topic_of_pauses_is_missing() -> TestResult {
    let (system, seen) = (System::new(), Seen::default());
    for topic in ["orders.requests", "orders.control", "orders.dlq"] {
        system.topic(topic, 1).await?;
    }
    let app: App = App::new()
        .endpoints(endpoints![job_unstored])?
        .with_state(seen);
    let service = Service::builder("orders").transport(system.transport());
    let error = service
        .serve(app)
        .start()
        .await
        .expect_err("a topic is missing");
    assert!(error.to_string().contains("orders.pauses"), "{error}");
    Ok(())
}
