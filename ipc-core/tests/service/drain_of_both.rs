//! The end of a process that serves Kafka and HTTP while an HTTP handler hangs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream as Connection;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use ipc_core::dispatch::Limits;
use ipc_core::service::{Service, shutdown_signal};
use ipc_core::transport::memory::MemoryCluster;
use rustix::process::Signal;
use tokio::net::TcpListener;

use crate::signals::{Process, is_child};

const ADDRESS: &str = "listening on ";
const ENTERED: &str = "the handler hangs";
const DRAINING: &str = "draining";

fn say(line: impl std::fmt::Display) {
    writeln!(std::io::stdout(), "{line}").expect("the test reads");
}

/// Serves a handler that hangs, until it is signalled and has drained.
async fn serve(drain: Duration) {
    let hang = async || {
        say(ENTERED);
        std::future::pending::<()>().await;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it has an address");
    let mut limits = Limits::default();
    limits.drain = drain;
    let asked = async {
        shutdown_signal().await;
        say(DRAINING);
    };
    let serving = Service::builder("orders")
        .transport(Arc::new(MemoryCluster::new(1).transport()))
        .create_topics(1)
        .limits(limits)
        .on_ready(async move || {
            say(format_args!("{ADDRESS}{address}"));
            Ok::<_, std::io::Error>(())
        })
        .serve_with_http(Router::new().route("/", get(hang)), listener)
        .with_graceful_shutdown(asked);
    serving.await.expect("it serves");
}

#[tokio::test]
async fn a_process_whose_drain_is_short() {
    if is_child() {
        serve(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_process_whose_drain_is_long() {
    if is_child() {
        serve(Duration::from_secs(60 * 60)).await;
    }
}

/// The process while it drains, and the connection whose request hangs.
fn draining(name: &str) -> (Process, Connection) {
    let mut process = Process::start(name);
    let address = process.tells(ADDRESS);
    let mut connection = Connection::connect(address).expect("it accepts");
    let asked = connection.write_all(b"GET / HTTP/1.1\r\nhost: orders\r\n\r\n");
    asked.expect("it reads");
    process.tells(ENTERED);
    process.signal(Signal::TERM);
    process.tells(DRAINING);
    (process, connection)
}

#[test]
fn a_hanging_http_request_does_not_keep_the_process_from_ending_with_0() {
    let (mut process, mut connection) = draining("drain_of_both::a_process_whose_drain_is_short");
    assert_eq!(process.exit_code(), Some(0));
    let mut answer = Vec::new();
    // reset or closed: either is an end
    let _ = connection.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{answer:?}");
}

#[test]
fn a_second_signal_ends_a_drain_under_way_at_once() {
    let (mut process, _connection) = draining("drain_of_both::a_process_whose_drain_is_long");
    process.signal(Signal::TERM);
    assert_eq!(process.exit_code(), Some(143));
}
