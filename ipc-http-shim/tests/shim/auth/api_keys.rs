//! API keys.

use http::StatusCode;
use ipc_http_shim::auth::api_key::{made, make};
use ipc_http_shim::config::KeyHash;
use ipc_http_shim::config::{Overrides, effective};

use super::{bearing, challenges, with};
use crate::support::token::{Issuing, shown};
use crate::support::{Fake, Running, api_key, get, text, try_config};

fn keys(entries: &[(&str, &str, &str)]) -> String {
    entries
        .iter()
        .map(|(name, key, scopes)| {
            let known = api_key(name, key);
            format!("{known}scopes = [{scopes}]\n")
        })
        .collect()
}

const ROUTE: &str = r#"
[[routes]]
path = "/a"
service = "orders"
auth = "api_key"
scopes = ["orders:write"]
"#;

fn telling() -> Fake {
    Fake::telling(|seen| {
        let principal = seen.principal.expect("the route asks who calls");
        let keys = seen.head.headers.contains_key("x-api-key");
        format!(
            "{} {:?} {keys}",
            principal.subject(),
            principal.credential()
        )
    })
}

#[tokio::test]
async fn a_key_says_who_calls_and_is_the_gateway_s_alone() {
    let text_of = keys(&[
        ("batch", "ipc_one", "\"orders:read\", \"orders:write\""),
        ("web", "ipc_two", "\"orders:write\""),
    ]);
    let shim = Running::start(&format!("{text_of}{ROUTE}"), telling()).await;

    for (key, told) in [
        ("ipc_one", "batch ApiKey false"),
        ("ipc_two", "web ApiKey false"),
    ] {
        let answer = shim.send(with("/a", "x-api-key", key)).await;
        assert_eq!(text(answer).await, told);
    }
}

#[tokio::test]
async fn a_key_goes_on_where_it_is_said_and_stands_where_it_is_said() {
    let text_of = keys(&[("batch", "ipc_one", "\"orders:write\"")]);
    let fake = Fake::telling(|seen| {
        let key = &seen.head.headers["x-key"];
        key.to_str().expect("it is text").to_owned()
    });
    let settings = "auth.api_key_header = \"x-key\"\nauth.forward_api_key = true\n";
    let shim = Running::start(&format!("{settings}{text_of}{ROUTE}"), fake).await;

    let answer = shim.send(with("/a", "x-key", "ipc_one")).await;
    assert_eq!(text(answer).await, "ipc_one");
    let elsewhere = shim.send(with("/a", "x-api-key", "ipc_one")).await;
    assert_eq!(elsewhere.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_that_is_not_known_or_may_not_is_refused_and_never_told() {
    let text_of = keys(&[("reader", "ipc_one", "\"orders:read\"")]);
    let shim = Running::start(&format!("{text_of}{ROUTE}"), Fake::silent()).await;

    for (key, status) in [
        ("ipc_none", StatusCode::UNAUTHORIZED),
        ("ipc_on", StatusCode::UNAUTHORIZED),
        ("ipc_one", StatusCode::FORBIDDEN),
    ] {
        let answer = shim.send(with("/a", "x-api-key", key)).await;
        assert_eq!(answer.status(), status, "{key}");
        assert!(challenges(&answer)[0].starts_with("ApiKey realm=\"ipc\", header=\"x-api-key\""));
        assert!(!text(answer).await.contains("ipc_o"));
    }
    let twice = {
        let mut request = with("/a", "x-api-key", "ipc_one");
        let other = "ipc_one".parse().expect("a value");
        request.headers_mut().append("x-api-key", other);
        request
    };
    assert_eq!(shim.send(twice).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        shim.send(get("/a")).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn of_two_credentials_the_one_that_its_route_names_first_decides() {
    let issuing = Issuing::ed25519("ed");
    let (_file, issuers) = shown(&[&issuing]);
    let text_of = keys(&[("batch", "ipc_one", "\"orders:write\"")]);
    let route = ROUTE.replace("\"api_key\"", "[\"jwt\", \"api_key\"]");
    let shim = Running::start(&format!("{issuers}{text_of}{route}"), telling()).await;

    let both = |token: &str| {
        let mut request = bearing("/a", token);
        let key = "ipc_one".parse().expect("a value");
        request.headers_mut().insert("x-api-key", key);
        request
    };
    let token = issuing.token_of("ann", "orders:write");
    assert_eq!(text(shim.send(both(&token)).await).await, "ann Jwt false");
    let key = shim.send(with("/a", "x-api-key", "ipc_one")).await;
    assert_eq!(text(key).await, "batch ApiKey false");

    let wrong = shim.send(both("wrong")).await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(challenges(&wrong).len(), 2);
}

#[test]
fn the_lines_that_are_made_for_a_key_are_the_configuration_s() {
    let told = made("batch", &["orders:read".to_owned()]).expect("a key");
    let (key, lines) = told.split_once("\n\n").expect("two parts");
    let key = key.lines().last().expect("it ends with the key");
    let route = ROUTE.replace("orders:write", "orders:read");
    let text_of = format!("kafka.\"bootstrap.servers\" = \"a:1\"\n{lines}{route}");

    let config = try_config(&text_of).unwrap_or_else(|mistakes| panic!("{mistakes}"));

    assert_eq!(config.auth.api_keys[0].hash, KeyHash::of(key.as_bytes()));
    assert_eq!(config.auth.api_keys[0].scopes, ["orders:read"]);
    let shown = effective("shim.toml", &text_of, &Overrides::default()).expect("it is in order");
    assert!(!shown.contains(key) && !format!("{config:?}").contains(key));
    assert_ne!(make().expect("a key"), key);
}
