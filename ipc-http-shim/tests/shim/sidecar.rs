//! A gateway beside a process, for what that asks of services.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::sse::{Event, Sse};
use axum::routing::{get as on_get, post as on_post};
use futures_util::stream;
use http::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use ipc_core::embedded::EmbeddedBroker;
use ipc_core::service::Service;
use ipc_core::transport::kafka::KafkaTransport;
use ipc_http_shim::config::{Config, Overrides, effective, load};

use crate::program::{file, program, serving};
use crate::support::{Fake, Running, get, post, text, try_config, within};

const TOP: &str = "kafka.\"bootstrap.servers\" = \"a:1\"\nsidecar = true\n";

fn mistakes(text: &str) -> String {
    let read = try_config(&format!("{TOP}{text}"));
    read.expect_err("something is wrong").to_string()
}

fn config(text: &str) -> Config {
    let read = try_config(&format!("{TOP}{text}"));
    read.unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn it_listens_on_loopback_and_nowhere_else() {
    let services = "services = [\"orders\"]\n";
    let by_default = config(services);
    assert_eq!(by_default.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(by_default.fleet, "sidecar");
    for listen in ["127.3.2.1:80", "[::1]:80"] {
        let config = config(&format!("listen = \"{listen}\"\n{services}"));
        assert_eq!(config.listen.to_string(), listen);
    }

    for listen in ["0.0.0.0:80", "10.0.0.1:80", "[::]:80"] {
        let told = mistakes(&format!("listen = \"{listen}\"\n{services}"));
        let expected = format!(
            "shim.toml:3:10: a sidecar listens on {listen}, where others than the process beside \
             it get through: write a loopback address, as in \"127.0.0.1:8080\", or leave sidecar \
             out"
        );
        assert_eq!(told, expected);
    }
}

#[test]
fn it_names_each_service_that_it_may_call() {
    assert_eq!(
        mistakes(""),
        "shim.toml: a sidecar has no services that it may call: name them, as in services = \
         [\"orders\"]"
    );
    assert_eq!(
        mistakes("services = [\"orders\", \"stock-*\"]\n"),
        "shim.toml:3:12: a sidecar cannot serve stock-*: each service has its name as its path: \
         write each name"
    );
    // Others are not allowed on routes of their own, either.
    let told = mistakes("services = \"orders\"\n[[routes]]\npath = \"/x\"\nservice = \"stock\"\n");
    assert!(told.contains("services does not allow"), "{told}");
}

#[test]
fn what_it_comes_to_is_a_configuration_that_comes_to_the_same() {
    let text = format!(
        "{TOP}services = [\"orders\", \"stock\"]\n[[routes]]\npath = \"/stock/{{*rest}}\"\n\
         service = \"stock\"\nmode = \"one_way\"\n"
    );
    let shown = |text: &str| effective("shim.toml", text, &Overrides::default());

    let first = shown(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"));

    assert!(first.contains("[[routes]]  # shim.toml:3\n"), "{first}");
    let again = load("shim.toml", &first, &Overrides::default());
    let again = again.unwrap_or_else(|mistakes| panic!("{mistakes}\n{first}"));
    let paths: Vec<&str> = again.routes.iter().map(|route| &*route.path).collect();
    assert_eq!(
        paths,
        ["/stock/{*rest}", "/orders/", "/orders/{*rest}", "/stock/"]
    );
}

const ROUTES: &str = "sidecar = true\nservices = [\"orders\"]\ntimeout = \"7s\"\n\
                      [[routes]]\npath = \"/orders/audits/{id}\"\nmethod = \"POST\"\n\
                      service = \"orders\"\nrewrite = \"/audits/{id}\"\n";

fn telling() -> Fake {
    Fake::telling(|seen| format!("{} {} {:?}", seen.service, seen.head.uri, seen.key))
}

#[tokio::test]
async fn what_stands_below_the_name_of_a_service_goes_to_it_and_nothing_else() {
    let shim = Running::start(ROUTES, telling()).await;
    let told = async |request| text(shim.send(request).await).await;

    assert_eq!(
        told(get("/orders/orders/7%2F8//x?a=%FF&")).await,
        "orders /orders/7%2F8//x?a=%FF& None"
    );
    assert_eq!(told(get("/orders/?a")).await, "orders /?a None");
    // A collection is no key: its requests would wait for each other.
    assert_eq!(
        told(post("/orders/orders", "")).await,
        "orders /orders None"
    );
    let mut keyed = post("/orders/orders", "");
    let key = "k-1".parse().expect("it is a value");
    keyed.headers_mut().insert("idempotency-key", key);
    assert_eq!(told(keyed).await, "orders /orders Some(b\"k-1\")");
    // A route of its own has what it says.
    assert_eq!(
        told(post("/orders/audits/7", "")).await,
        "orders /audits/7 Some(b\"7\")"
    );

    for path in ["/", "/orders", "/stock/1", "/ordersx/1"] {
        let answer = shim.send(get(path)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_deadline_that_a_process_was_told_holds_for_what_it_asks() {
    let timeout = Fake::telling(|seen| seen.timeout.as_secs().to_string());
    let shim = Running::start(ROUTES, timeout).await;
    let asked = async |deadline: &str| {
        let mut request = get("/orders/1");
        let deadline = deadline.parse().expect("it is a value");
        request.headers_mut().insert("ipc-deadline", deadline);
        shim.send(request).await
    };

    let passed = asked("1").await;
    assert_eq!(passed.status(), StatusCode::GATEWAY_TIMEOUT);
    let problem = text(passed).await;
    assert!(
        problem.contains("urn:ipc:problem:deadline-passed"),
        "{problem}"
    );
    // One that is further away than the route's own does not lengthen it, and what is no
    // deadline is none.
    for far in ["18446744073709551615", "soon", "-1"] {
        assert_eq!(text(asked(far).await).await, "7", "{far}");
    }
}

#[tokio::test]
async fn a_gateway_for_others_takes_no_deadline_from_them() {
    let timeout = Fake::telling(|seen| seen.timeout.as_secs().to_string());
    let routes = "[[routes]]\npath = \"/a\"\nservice = \"a\"\ntimeout = \"5s\"\n";
    let shim = Running::start(routes, timeout).await;

    let mut request = get("/a");
    let deadline = "1".parse().expect("it is a value");
    request.headers_mut().insert("ipc-deadline", deadline);

    assert_eq!(text(shim.send(request).await).await, "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_calls_services_for_the_process_beside_it() {
    let broker = EmbeddedBroker::start().await.expect("a broker");
    let transport = KafkaTransport::connect(broker.config()).await;
    let transport = Arc::new(transport.expect("it is reached"));
    // A development broker makes topics for nobody in another process.
    let other = ipc_core::client::Client::builder("sidecar").create_topics(2);
    let other = other.connect(transport.clone()).await;
    let place = async |Path(id): Path<String>, body: String| format!("{id} {body}");
    let events = async || {
        let events =
            ["one", "two"].map(|data| Ok::<_, std::io::Error>(Event::default().data(data)));
        Sse::new(stream::iter(events))
    };
    let application = Router::new()
        .route("/orders/{id}", on_post(place))
        .route("/events", on_get(events));
    let service = Service::builder("orders")
        .create_topics(2)
        .transport(transport)
        .serve(application)
        .start()
        .await
        .expect("it serves");
    let settings = file("sidecar = true\nservices = [\"orders\"]\n");
    let mut sidecar = program();
    sidecar.arg("--config").arg(settings.path());
    let bootstrap = format!("bootstrap.servers={}", broker.config().bootstrap());
    sidecar.args(["--kafka", &bootstrap]);
    let sidecar = serving(&mut sidecar);

    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let uri = format!("http://{}/orders/orders/7", sidecar.listen);
    let request = Request::post(uri).body(Body::from("ham"));
    let answer = client.request(request.expect("the request is valid")).await;
    assert_eq!(text(answer.expect("an answer")).await, "7 ham");
    let events = sidecar.get(&sidecar.listen, "/orders/events").await;
    assert_eq!(text(events).await, "data: one\n\ndata: two\n\n");

    assert_eq!(sidecar.drained(), Some(0));
    within(service.stop()).await;
    within(other.expect("it hears itself").close()).await;
}
