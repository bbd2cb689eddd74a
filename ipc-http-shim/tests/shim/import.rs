//! Routes from OpenAPI documents.

use ipc_http_shim::config::{Override, Overrides, load};
use ipc_http_shim::import::{Towards, import};

use crate::support::try_config;

const ORDERS: &str = include_str!("openapi/orders.yaml");

fn imported(file: &str, text: &str, towards: &Towards) -> String {
    import(file, text, towards).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// Compares with a file, or writes it anew with `IPC_BLESS=1`.
fn golden(name: &str, expected: &str, text: &str) {
    if std::env::var_os("IPC_BLESS").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shim/openapi/");
        std::fs::write(format!("{folder}{name}"), text).expect("it is written");
    } else {
        assert_eq!(text, expected);
    }
}

#[test]
fn a_document_becomes_routes_to_a_service() {
    let towards = Towards::Service("orders".to_owned());

    let text = imported("orders.yaml", ORDERS, &towards);

    golden("service.toml", include_str!("openapi/service.toml"), &text);
    let mut overrides = Overrides::default();
    overrides.kafka = vec![(
        "bootstrap.servers".to_owned(),
        Override::new("KAFKA_BOOTSTRAP_SERVERS", "a:1"),
    )];
    let config = load("shim.toml", &text, &overrides);
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
    assert_eq!(config.routes.len(), 8);
}

#[test]
fn a_document_becomes_routes_that_have_not_moved_yet() {
    let text = imported("orders.yaml", ORDERS, &Towards::Legacy);

    golden("legacy.toml", include_str!("openapi/legacy.toml"), &text);
    let config = try_config(&text).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
    assert!(!config.uses_kafka());
    assert_eq!(config.routes.len(), 8);
}

#[test]
fn json_is_read_as_well_and_a_hostile_title_stays_a_comment() {
    let json = r#"{
        "openapi": "3.0.3",
        "info": {"title": "x\n[[routes]]\npath = \"/own\"", "version": "1"},
        "servers": [{"url": "https://{host}/v1"}],
        "paths": {"/a\"b": {"get": {"summary": "s\r\nlegacy = 5", "responses": {}}}}
    }"#;

    let text = imported("api.json", json, &Towards::Legacy);

    let config = try_config(&text).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
    assert_eq!(config.routes.len(), 1);
    assert_eq!(config.routes[0].path, "/a\"b");
    assert!(
        text.contains("# not carried over: server https://{host}/v1 has variables"),
        "{text}"
    );
}

#[test]
fn what_is_no_openapi_3_is_told_with_its_place() {
    for (text, expected) in [
        (
            "swagger: '2.0'\npaths: {}\n",
            "api.yaml:1:10: this is Swagger, before OpenAPI 3: convert it to OpenAPI 3 first",
        ),
        (
            "openapi: 4.0.0\npaths: {}\n",
            "api.yaml:1:10: this version of OpenAPI is not 3: convert it to OpenAPI 3 first",
        ),
        (
            "openapi: 3.0.0\n",
            "api.yaml: there are no paths: name an OpenAPI document that describes some",
        ),
        (
            "openapi: 3.0.0\npaths: {/a: 5}\n",
            "api.yaml:2:13: path \"/a\" is an integer: write its methods there",
        ),
    ] {
        let mistakes = import("api.yaml", text, &Towards::Legacy).expect_err("it is wrong");
        assert_eq!(mistakes.to_string(), expected);
    }
    let nameless = Towards::Service("a b".to_owned());
    let mistakes = import("orders.yaml", ORDERS, &nameless).expect_err("it is no name");
    let listed = mistakes.to_string();
    assert!(
        listed.starts_with("--service: service \"a b\" is not a name"),
        "{listed}"
    );
}
