//! A browser, which goes on with a stream of events by itself.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::resume::streaming;
use crate::support::{Legacy, within};

/// Tells its server what it hears, one thing after the other.
const PAGE: &str = r#"<!doctype html><title>events</title><script>
let told = Promise.resolve();
const tell = (text) => {
  told = told.then(() => fetch("/told", { method: "POST", body: text })).catch(() => {});
};
const source = new EventSource("/events");
source.onmessage = (event) => tell(`${event.lastEventId} ${event.data}`);
source.onerror = () => {
  if (source.readyState === EventSource.CLOSED) tell("closed");
};
</script>"#;

const NAMES: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];

/// A browser with one page, which ends with this.
struct Browser {
    group: Pid,
    _child: Child,
    _profile: TempDir,
}

impl Browser {
    fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let started = NAMES.into_iter().find_map(|name| {
            let mut command = Command::new(name);
            command
                .args(["--headless", "--no-sandbox", "--disable-gpu"])
                .args(["--disable-dev-shm-usage", "--no-first-run"])
                // It stays until it is ended, and asks nobody but this machine.
                .arg("--remote-debugging-port=0")
                .args(["--disable-background-networking", "--disable-sync"])
                .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .arg(url)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0);
            match command.spawn() {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                started => Some(started.expect("it can be run")),
            }
        });
        let child = started.expect("there is no Chromium: `cargo xtask setup` installs it");
        let id = child.id().and_then(|id| id.try_into().ok());
        Self {
            group: id.and_then(Pid::from_raw).expect("it runs"),
            _child: child,
            _profile: profile,
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // With all of its processes; they may have ended by themselves.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

/// What stands between a browser and the gateway, and can break its connections.
struct Way {
    address: SocketAddr,
    connections: Arc<Mutex<JoinSet<()>>>,
    _accepting: JoinSet<()>,
}

impl Way {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let connections: Arc<Mutex<JoinSet<()>>> = Arc::default();
        let mut accepting = JoinSet::new();
        let address = listener.local_addr().expect("it has an address");
        accepting.spawn({
            let connections = Arc::clone(&connections);
            async move {
                while let Ok((mut near, _)) = listener.accept().await {
                    connections.lock().spawn(async move {
                        let far = TcpStream::connect(server).await;
                        let _ = copy_bidirectional(&mut near, &mut far.expect("it serves")).await;
                    });
                }
            }
        });
        Self {
            address,
            connections,
            _accepting: accepting,
        }
    }

    fn break_connections(&self) {
        self.connections.lock().abort_all();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_whose_connection_breaks_hears_every_event_once_and_stops_at_the_end() {
    let (tell, mut told) = mpsc::channel(8);
    let old = Router::new()
        .route("/", routing::get(|| async { Html(PAGE) }))
        .route(
            "/told",
            routing::post(async move |text: String| tell.send(text).await.expect("it is heard")),
        );
    let old = Legacy::start(old).await;
    let config = format!(
        "legacy = \"http://{}\"\n[[routes]]\npath = \"/events\"\nservice = \"orders\"\n\
         mode = \"stream\"\nresume = \"1h\"\n",
        old.address
    );
    let (shim, mut asked) = streaming(&config).await;
    let way = Way::to(shim.address).await;
    let _browser = Browser::open(&format!("http://{}/", way.address));
    let mut heard = async || within(told.recv()).await.expect("the page tells");

    let service = within(asked.recv()).await.expect("it is asked");
    service.send(1, "one").await;
    assert_eq!(heard().await, "request-1.1 one");
    way.break_connections();
    service.send(2, "two").await;
    service.send(3, "three").await;

    assert_eq!(heard().await, "request-1.2 two");
    assert_eq!(heard().await, "request-1.3 three");
    drop(service);
    assert_eq!(heard().await, "closed");
    assert!(asked.try_recv().is_err(), "the service was asked once");
    shim.counted("ipc_shim_stream_resumptions_total{route=\"/events\",outcome=\"resumed\"} 1")
        .await;
}
