use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use ipc_core::health::Health;
use ipc_core::metrics::Metrics;
use ipc_core::service::Admin;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

async fn admin(health: &Health, metrics: &Metrics) -> Admin {
    let metrics = metrics.clone();
    Admin::start(ANY_PORT, health.clone(), move || metrics.render())
        .await
        .expect("a free port can be listened on")
}

/// Status line and body of the answer to one request. Blocks the thread, and so
/// the runtime of the test: whatever answers runs elsewhere.
fn get(admin: &Admin, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(admin.address()).expect("the listener accepts");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("the timeout is not zero");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"
    )
    .expect("the listener reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the answer is text");
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .expect("the answer has a head");
    let status = head.lines().next().expect("the head has a status line");
    (status.to_owned(), body.to_owned())
}

const OK: &str = "HTTP/1.1 200 OK";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable";

#[tokio::test]
async fn probes_answer_yes_or_no_with_reasons_while_the_main_runtime_is_blocked() {
    let health = Health::new();
    let admin = admin(&health, &Metrics::new()).await;
    health.starting("waiting for topic orders.requests");
    let starting = concat!(
        r#"{"ok":false,"reasons":["starting: waiting for topic orders.requests"],"#,
        r#""warnings":[]}"#
    );
    let answer = |status: &str, body: &str| (status.to_owned(), body.to_owned());
    assert_eq!(get(&admin, "/startupz"), answer(UNAVAILABLE, starting));
    assert_eq!(get(&admin, "/readyz"), answer(UNAVAILABLE, starting));
    let yes = r#"{"ok":true,"reasons":[],"warnings":[]}"#;
    assert_eq!(get(&admin, "/livez"), answer(OK, yes));

    health.started();
    assert_eq!(get(&admin, "/startupz"), answer(OK, yes));
    assert_eq!(get(&admin, "/readyz"), answer(OK, yes));
    health.draining();
    let draining = r#"{"ok":false,"reasons":["draining"],"warnings":[]}"#;
    assert_eq!(get(&admin, "/readyz"), answer(UNAVAILABLE, draining));
    assert_eq!(get(&admin, "/livez").0, OK);
    admin.stop().await;
}

#[tokio::test]
async fn metrics_are_rendered() {
    let metrics = Metrics::new();
    let admin = admin(&Health::new(), &metrics).await;
    metrics.producer().sent();
    let (status, body) = get(&admin, "/metrics");
    assert_eq!(status, OK);
    assert!(body.lines().any(|line| line == "ipc_records_sent_total 1"));
    assert_eq!(get(&admin, "/elsewhere").0, "HTTP/1.1 404 Not Found");
    admin.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind(ANY_PORT).expect("a free port can be listened on");
    let address = taken.local_addr().expect("it is bound");
    let error = Admin::start(address, Health::new(), String::new)
        .await
        .expect_err("the port is taken");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!(
            "cannot listen for admin requests on {address}: Address already in use"
        )),
        "{text}"
    );
    assert!(text.ends_with("choose another admin address"), "{text}");
}

#[tokio::test]
async fn a_stopped_listener_has_let_go_of_its_port() {
    // Somebody else may take a port in the moment it is free; not three in a row.
    for _ in 0..3 {
        let admin = admin(&Health::new(), &Metrics::new()).await;
        let address = admin.address();
        // a client that keeps its connection open without asking anything
        let idle = TcpStream::connect(address).expect("the listener accepts");
        admin.stop().await;
        let free = TcpListener::bind(address).is_ok();
        drop(idle);
        if free {
            return;
        }
    }
    panic!("no port is free again");
}

#[tokio::test]
async fn the_main_runtime_shows_that_it_turns() {
    let health = Health::new();
    let admin = admin(&health, &Metrics::new()).await;
    let long_after = tokio::time::Instant::now() + Duration::from_secs(60);
    // without a first beat there is nothing to miss
    while health.facts(long_after).liveness(long_after).is_ok() {
        tokio::task::yield_now().await;
    }
    let verdict = health.facts(long_after).liveness(long_after);
    assert!(verdict.reasons()[0].starts_with("the main runtime has stood still"));
    admin.stop().await;
}
