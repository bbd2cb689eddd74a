//! The gateway as a program.

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{Authority, Http, Legacy, text, within};

pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ipc-http-shim"));
    // What the tests' own environment says must not decide them.
    program.env_clear();
    program
}

pub(crate) fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("it is written");
    file
}

fn check(text: &str) -> Output {
    let file = file(text);
    let mut check = program();
    check.arg("--config").arg(file.path()).arg("--check");
    check.output().expect("it runs")
}

#[test]
fn check_accepts_the_example() {
    let output = check(include_str!("../../examples/shim.toml"));

    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.ends_with("is in order: 8 routes\n"), "{said}");
}

#[test]
fn check_prints_every_mistake_and_fails() {
    let output = check(include_str!("mistakes.toml"));

    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = include_str!("mistakes.txt").lines();
    assert_eq!(said.lines().count(), expected.clone().count());
    for (said, expected) in said.lines().zip(expected) {
        let (_, expected) = expected.split_once(':').unwrap();
        assert!(said.ends_with(expected), "{said}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = program().args(["--config", "no-such.toml"]).output();

    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("no-such.toml cannot be read: "), "{said}");
}

#[test]
fn a_mistake_in_the_environment_is_told_under_the_variables_name() {
    let file = file("legacy = \"http://127.0.0.1:1\"");
    let mut check = program();
    check.arg("--config").arg(file.path()).arg("--check");
    check.env("IPC_SHIM_DRAIN", "soon");

    let output = check.output().expect("it runs");

    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("IPC_SHIM_DRAIN: drain \"soon\" is not"),
        "{said}"
    );
}

#[test]
fn a_cluster_that_is_away_fails_the_start_and_is_named() {
    let file = file("[[routes]]\npath = \"/a\"\nservice = \"orders\"\n");
    let mut start = program();
    start.arg("--config").arg(file.path());
    start.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    start.args(["--kafka", "bootstrap.servers=127.0.0.1:1"]);

    let output = start.output().expect("it runs");

    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("127.0.0.1:1"), "{said}");
    // Colours are for terminals.
    assert!(!said.contains('\u{1b}'), "{said}");
}

/// Waits for a line of a log.
fn next_line(log: &mut Lines<BufReader<ChildStderr>>, message: &str) -> Value {
    log.map(|line| line.expect("a line"))
        .map(|line| serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}")))
        .find(|line: &Value| line["fields"]["message"] == message)
        .unwrap_or_else(|| panic!("it ends before it says {message:?}"))
}

/// A program that serves; ended by force where a test does not end it.
pub(crate) struct Serving {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    pub(crate) listen: String,
    admin: String,
}

/// Starts a program on free ports, and returns when it serves.
pub(crate) fn serving(serve: &mut Command) -> Serving {
    serve.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    serve.args(["--log-format", "json"]);
    let mut child = serve.stderr(Stdio::piped()).spawn().expect("it runs");
    let log = child.stderr.take().expect("it is piped");
    let mut log = BufReader::new(log).lines();
    let serving = next_line(&mut log, "serving");
    let field = |name: &str| serving["fields"][name].as_str().map(str::to_owned);
    Serving {
        child,
        log,
        listen: field("listen").expect("it says where it listens"),
        admin: field("admin").expect("it says where it is asked for its health"),
    }
}

impl Serving {
    fn before(legacy: &Legacy) -> Self {
        Self::start("", legacy)
    }

    fn start(text: &str, legacy: &Legacy) -> Self {
        Self::start_from(file(text).path(), legacy)
    }

    fn start_from(file: &Path, legacy: &Legacy) -> Self {
        let mut serve = program();
        serve.arg("--config").arg(file);
        serve.args(["--legacy", &format!("http://{}", legacy.address)]);
        serving(&mut serve)
    }

    /// What a GET is answered.
    pub(crate) async fn get(&self, address: &str, path: &str) -> Response<Incoming> {
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::get(format!("http://{address}{path}"));
        let request = request.body(Body::empty()).expect("the request is valid");
        client.request(request).await.expect("an answer")
    }

    /// Waits for a line of the log.
    fn logs(&mut self, message: &str) -> Value {
        next_line(&mut self.log, message)
    }

    /// Asks it to end, and waits for that: with which code it does.
    pub(crate) fn drained(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.child.wait().expect("it ends").code()
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("an id fits");
        let id = Pid::from_raw(id).expect("an id is not zero");
        kill_process(id, signal).expect("it still runs");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_is_a_warning_where_there_is_a_legacy_upstream() {
    let old = Legacy::start(Router::new().fallback(async || "legacy")).await;
    let serving = Serving::start(
        "kafka.bootstrap.servers = \"127.0.0.1:1\"\n\
         [[routes]]\npath = \"/a\"\nservice = \"orders\"\n",
        &old,
    );

    let legacy = serving.get(&serving.listen, "/any").await;
    assert_eq!(text(legacy).await, "legacy");

    let moved = serving.get(&serving.listen, "/a").await;
    assert_eq!(moved.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(moved.headers().contains_key("retry-after"));

    let ready = serving.get(&serving.admin, "/readyz").await;
    assert_eq!(ready.status(), StatusCode::OK);
    let ready: Value = serde_json::from_str(&text(ready).await).expect("it is JSON");
    assert_eq!(
        ready["warnings"].as_array().map(Vec::len),
        Some(1),
        "{ready}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_signal_drains_and_ends_with_0() {
    let old = Legacy::start(Router::new().fallback(async || "legacy")).await;
    for signal in [Signal::TERM, Signal::INT] {
        let mut serving = Serving::before(&old);
        let answer = serving.get(&serving.listen, "/any").await;
        assert_eq!(text(answer).await, "legacy");

        serving.signal(signal);

        let ended = serving.child.wait().expect("it ends");
        assert_eq!(ended.code(), Some(0), "{signal:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let arrived = Arc::new(Notify::new());
    let handler = {
        let arrived = Arc::clone(&arrived);
        async move || {
            arrived.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let old = Legacy::start(Router::new().fallback(handler)).await;
    let mut serving = Serving::before(&old);
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("http://{}/any", serving.listen));
    let mut requests = JoinSet::new();
    requests.spawn(client.request(request.body(Body::empty()).unwrap()));
    arrived.notified().await;

    serving.signal(Signal::TERM);
    serving.signal(Signal::INT);

    let ended = serving.child.wait().expect("it ends").code();
    assert!([Some(130), Some(143)].contains(&ended), "{ended:?}");
}

#[test]
fn the_effective_configuration_and_the_fate_of_a_request_are_printed() {
    let file = file("[kafka]\nsasl.password = \"${env:ORDERS_PASSWORD}\"\n");
    let run = |arguments: &[&str]| {
        let mut print = program();
        print.arg("--config").arg(file.path()).args(arguments);
        print.args(["--legacy", "http://old:1"]);
        print.env("ORDERS_PASSWORD", "hunter2");
        let output = print.output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("it is text")
    };

    let effective = run(&["--print-effective"]);
    assert!(
        effective.contains("legacy = \"http://old:1\"  # --legacy\n"),
        "{effective}"
    );
    assert!(
        effective.contains("\"sasl.password\" = \"***\""),
        "{effective}"
    );

    let told = run(&["--explain", "GET", "/a"]);
    assert!(
        told.contains("goes to: the legacy server http://old:1"),
        "{told}"
    );
}

#[test]
fn the_schema_is_printed_without_a_configuration() {
    let output = program().arg("schema").output().expect("it runs");

    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(printed, include_str!("../../shim.schema.json"));
}

/// Routes to the legacy server that say which version of the file made them.
fn version(number: usize) -> String {
    format!(
        "[[routes]]\npath = \"/a\"\nmode = \"legacy\"\n\
         response_headers.set = {{ x-version = {number} }}\n"
    )
}

const TAKEN_OVER: &str = "configuration taken over";
const REFUSED: &str = "configuration refused; the earlier one is served";

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_has_the_file_read_again_and_a_bad_one_changes_nothing_and_says_why() {
    let old = Legacy::start(Router::new().fallback(async || "legacy")).await;
    let file = file(&version(1));
    let mut serving = Serving::start_from(file.path(), &old);
    let served = async |serving: &Serving| {
        let answer = serving.get(&serving.listen, "/a").await;
        answer.headers()["x-version"].clone()
    };
    assert_eq!(served(&serving).await, "1");

    std::fs::write(file.path(), version(2)).expect("it is written");
    serving.signal(Signal::HUP);
    serving.logs(TAKEN_OVER);
    assert_eq!(served(&serving).await, "2");

    std::fs::write(file.path(), version(3).replace("/a", "a")).expect("it is written");
    serving.signal(Signal::HUP);
    let why = serving.logs(REFUSED)["fields"]["why"].to_string();
    assert!(why.contains(":2:8: path"), "{why}");
    assert_eq!(served(&serving).await, "2");
    let ready = text(serving.get(&serving.admin, "/readyz").await).await;
    assert!(ready.contains("configuration refused: "), "{ready}");
    let metrics = text(serving.get(&serving.admin, "/metrics").await).await;
    for line in [
        "ipc_shim_config_reloads_total{outcome=\"taken_over\"} 1",
        "ipc_shim_config_reloads_total{outcome=\"refused\"} 1",
        "ipc_shim_config_last_reload_successful 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }

    std::fs::write(file.path(), version(4)).expect("it is written");
    serving.signal(Signal::HUP);
    serving.logs(TAKEN_OVER);
    assert_eq!(served(&serving).await, "4");
    let ready = text(serving.get(&serving.admin, "/readyz").await).await;
    assert_eq!(ready, r#"{"ok":true,"reasons":[],"warnings":[]}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_other_contents_is_taken_over_without_being_asked() {
    let old = Legacy::start(Router::new().fallback(async || "legacy")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    // As Kubernetes mounts a config map.
    for number in [1, 2] {
        std::fs::create_dir(at(&format!("..{number}"))).expect("it is made");
        let file = at(&format!("..{number}")).join("shim.toml");
        std::fs::write(file, version(number)).expect("it is written");
    }
    symlink("..1", at("..data")).expect("it is linked");
    symlink("..data/shim.toml", at("shim.toml")).expect("it is linked");
    let mut serving = Serving::start_from(&at("shim.toml"), &old);

    symlink("..2", at("..data_tmp")).expect("it is linked");
    std::fs::rename(at("..data_tmp"), at("..data")).expect("it is swapped");
    serving.logs(TAKEN_OVER);

    let answer = serving.get(&serving.listen, "/a").await;
    assert_eq!(answer.headers()["x-version"], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_being_asked_and_a_bad_one_changes_nothing() {
    let old = Legacy::start(Router::new().fallback(async || "legacy")).await;
    let authority = Authority::new();
    let (issued, renewed) = (authority.issue("gateway"), authority.issue("gateway"));
    let first = issued.der();
    let file = file(&format!("[tls]\n{}", issued.settings()));
    let mut serving = Serving::start_from(file.path(), &old);
    let address = serving.listen.parse().expect("it is an address");
    let client = authority.client(None);
    let shown = async || {
        let connected = within(client.connect(address, Http::Two)).await;
        connected.expect("it is trusted").shown.clone()
    };

    std::fs::write(issued.certificate.path(), "no certificate").expect("it is written");
    let why = serving.logs(REFUSED)["fields"]["why"].to_string();
    assert!(why.contains("holds no certificate"), "{why}");
    assert_eq!(shown().await, first);

    issued.replace_by(&renewed);
    serving.logs(TAKEN_OVER);
    assert_eq!(shown().await, renewed.der());
}

#[test]
fn a_certificate_that_has_expired_is_named_on_either_side() {
    let authority = Authority::new();
    let issued = || authority.issue_until("gateway", 2020);
    let (own, shown) = (issued(), issued());
    let file = file(&format!(
        "legacy = \"https://127.0.0.1:1\"\n[tls]\n{}[legacy_tls]\n{}",
        own.settings(),
        shown.settings()
    ));
    let mut serve = program();
    serve.arg("--config").arg(file.path());
    let mut serving = serving(&mut serve);

    for issued in [own, shown] {
        let said = serving.logs("the certificate has expired: renew it");
        let named = said["fields"]["certificate"].as_str().map(Path::new);
        assert_eq!(named, Some(issued.certificate.path()));
    }
}

#[test]
fn a_document_is_imported_without_a_configuration() {
    let document = file(include_str!("openapi/orders.yaml"));
    let document = document.path().with_extension("yaml");
    std::fs::write(&document, include_str!("openapi/orders.yaml")).expect("it is written");
    let mut import = program();
    import
        .arg("import")
        .arg(&document)
        .args(["--service", "orders"]);

    let output = import.output().expect("it runs");

    std::fs::remove_file(&document).expect("it is there");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(printed, include_str!("openapi/service.toml"));
}
