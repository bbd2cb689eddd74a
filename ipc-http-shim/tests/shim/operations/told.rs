//! What is told of a request that was accepted, and to whom.

use http::{HeaderMap, Method, Request, StatusCode};
use ipc_http_shim::config::{Overrides, Question, effective, explain};

use super::{ROUTE, System, location, settled, settled_with};
use crate::support::{api_key, get, post, text, try_config};

#[tokio::test]
async fn what_nobody_knows_is_404_and_what_is_too_old_410() {
    let system = System::in_memory().await;
    let gateway = system.gateway(ROUTE).await;

    for (id, status) in [
        ("", 404),
        ("x", 404),
        ("0197a2b0-0000-7000-8000-000000000000/x", 404),
        // Of no version of ours, and another spelling of one that is.
        ("00000000-0000-4000-8000-000000000000", 404),
        ("0197A2B0-0000-7000-8000-000000000000", 404),
        ("0197a2b0-0000-7000-8000-000000000000", 410),
        ("ffffffff-0000-7000-8000-000000000000", 404),
    ] {
        let answer = gateway.send(get(&format!("/operations/{id}"))).await;
        assert_eq!(answer.status(), status, "{id}");
    }
    let written = gateway.send(post("/operations/x", "")).await;
    assert_eq!(written.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(written.headers()["allow"], "GET, HEAD");
}

#[tokio::test]
async fn an_answer_that_there_is_no_room_for_any_more_is_410() {
    let system = System::in_memory().await;
    let config = format!("operations.cache = \"4KiB\"\n{ROUTE}");
    let gateway = system.gateway(&config).await;
    system.allow(3);

    let mut paths = Vec::new();
    for id in 0..3 {
        let request = post(&format!("/orders/{id}"), "x".repeat(1200));
        let path = location(&gateway.send(request).await);
        assert_eq!(settled(&gateway, &path).await.status(), StatusCode::CREATED);
        paths.push(path);
    }

    let first = gateway.send(get(&paths[0])).await;
    assert_eq!(first.status(), StatusCode::GONE);
    let last = gateway.send(get(&paths[2])).await;
    assert_eq!(last.status(), StatusCode::CREATED);
    let metrics = text(gateway.probe("/metrics").await).await;
    for line in [
        "ipc_shim_operations_evicted_total 1",
        "ipc_shim_operations{state=\"answered\"} 2",
        "ipc_shim_operations{state=\"running\"} 0",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}\n{metrics}");
    }
}

fn with_key(key: &str) -> HeaderMap {
    HeaderMap::from_iter([(
        "x-api-key".parse().expect("it is a name"),
        key.parse().expect("it is a value"),
    )])
}

#[tokio::test]
async fn only_who_sent_a_request_may_ask_for_it() {
    let system = System::in_memory().await;
    let keys = api_key("ann", "ipc_ann") + &api_key("bob", "ipc_bob");
    let config = format!(
        "reply_partitions = 1\n{keys}{}",
        &ROUTE["reply_partitions = 1\n".len()..]
    );
    let config = format!("{config}auth = \"api_key\"\nresponse_headers.remove = [\"server\"]\n");
    let gateway = system.gateway(&config).await;
    let ask = async |path: &str, headers: HeaderMap| {
        let mut request = get(path);
        *request.headers_mut() = headers;
        gateway.send(request).await.status()
    };

    let mut request = post("/orders/7", "tea");
    request.headers_mut().extend(with_key("ipc_ann"));
    let path = location(&gateway.send(request).await);

    for running in [true, false] {
        assert_eq!(ask(&path, HeaderMap::new()).await, StatusCode::NOT_FOUND);
        assert_eq!(ask(&path, with_key("ipc_x")).await, StatusCode::NOT_FOUND);
        assert_eq!(ask(&path, with_key("ipc_bob")).await, StatusCode::NOT_FOUND);
        if running {
            assert_eq!(ask(&path, with_key("ipc_ann")).await, StatusCode::ACCEPTED);
            system.allow(1);
        }
        let placed = settled_with(&gateway, &path, &with_key("ipc_ann")).await;
        assert_eq!(placed.status(), StatusCode::CREATED);
        // As the route has it.
        assert!(!placed.headers().contains_key("server"));
    }
}

#[tokio::test]
async fn what_is_asked_for_by_head_has_no_body() {
    let system = System::in_memory().await;
    let gateway = system.gateway(ROUTE).await;
    system.allow(1);
    let path = location(&gateway.send(post("/orders/7", "tea")).await);
    settled(&gateway, &path).await;

    let mut head: Request<_> = get(&path);
    *head.method_mut() = Method::HEAD;
    let answer = gateway.send(head).await;

    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(text(answer).await, "");
}

#[test]
fn what_a_route_comes_to_says_where_its_answers_are() {
    let config = format!(
        "kafka.\"bootstrap.servers\" = \"nowhere:1\"\noperations.keep = \"30m\"\n{ROUTE}within = \"10m\"\n"
    );
    let none = Overrides::default();
    let question = Question::parse("POST", "/orders/7").expect("it can be asked");

    let explained = explain("shim.toml", &config, &none, &question);
    let explained = explained.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    for line in [
        "answered later: at /operations/<id>, through topic shim.operations, kept for 30m",
        "its service may take: 10m, from shim.toml:8",
    ] {
        assert!(explained.lines().any(|it| it == line), "{explained}");
    }
    let shown = effective("shim.toml", &config, &none);
    let shown = shown.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    for line in [
        "[operations]",
        "path = \"/operations\"  # default",
        "keep = \"30m\"  # shim.toml:2",
        "mode = \"accepted\"  # shim.toml:7",
        "within = \"10m\"  # shim.toml:8",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line}: {shown}");
    }
    try_config(&shown).expect("it can be read again");
}
