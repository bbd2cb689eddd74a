//! What the schema takes, the reader takes, and the other way round.

mod route;
mod top;

use jsonschema::Validator;
use serde_json::Value;

use super::schema;
use crate::config::{
    Overrides, access_log, auth, breaker, cors, legacy_tls, load, migration, routes, shared_rates,
    tls, trace, webhook,
};
use route::{AGGREGATE, ROUTE};
use top::TOP;

const SHIPPED: &str = include_str!("../../../../shim.schema.json");
const EXAMPLE: &str = include_str!("../../../../examples/shim.toml");

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&schema()).expect("it is JSON");
    jsonschema::draft7::new(&schema).expect("it is a schema")
}

fn parsed(text: &str) -> Value {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_shipped_schema_is_the_one_that_is_generated() {
    if std::env::var_os("IPC_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/shim.schema.json");
        std::fs::write(path, schema()).expect("it is written");
    } else {
        assert!(
            schema() == SHIPPED,
            "write it anew, with `ipc-http-shim schema` or IPC_BLESS=1 and this test"
        );
    }
}

#[test]
fn the_example_is_valid_and_names_the_schema() {
    let errors: Vec<String> = validator()
        .iter_errors(&parsed(EXAMPLE))
        .map(|error| error.to_string())
        .collect();

    assert_eq!(errors, [""; 0]);
    assert!(EXAMPLE.starts_with("#:schema ../shim.schema.json\n"));
}

#[test]
fn the_files_of_the_guide_are_valid_step_by_step() {
    let guide = include_str!("../../../../../docs/guides/move-your-first-route.md");
    let validator = validator();
    let mut file = String::new();
    let blocks = guide.split("```toml\n").skip(1);
    for block in blocks.filter_map(|rest| rest.split("```").next()) {
        file.push_str(block);
        let read = load("shim.toml", &file, &Overrides::default());
        assert!(read.is_ok(), "{file}{read:?}");
        assert!(validator.is_valid(&parsed(&file)), "{file}");
    }
    assert!(file.contains("[[routes]]"), "the guide shows a route");
}

#[test]
fn the_schema_has_the_keys_that_the_reader_knows() {
    let schema: Value = serde_json::from_str(&schema()).expect("it is JSON");
    for (at, known) in [
        ("/properties", crate::config::load::KEYS),
        ("/properties/limits/properties", crate::config::limits::KEYS),
        ("/properties/access_log/properties", access_log::KEYS),
        ("/properties/trace/properties", trace::KEYS),
        ("/properties/tls/properties", tls::KEYS),
        ("/properties/legacy_tls/properties", legacy_tls::KEYS),
        ("/definitions/Breaker/properties", breaker::KEYS),
        ("/properties/auth/properties", auth::read::KEYS),
        ("/definitions/Issuer/properties", auth::read::ISSUER_KEYS),
        ("/definitions/ApiKey/properties", auth::read::KEY_KEYS),
        (
            "/definitions/KnownCertificate/properties",
            auth::read::CERTIFICATE_KEYS,
        ),
        ("/properties/cors/properties", cors::KEYS),
        ("/definitions/Sign/properties", auth::signing::SIGN_KEYS),
        ("/definitions/Webhook/properties", webhook::KEYS),
        ("/definitions/SharedRates/properties", shared_rates::KEYS),
        ("/definitions/Route/properties", routes::KEYS),
        (
            "/definitions/HeaderChanges/properties",
            crate::config::rewriting::HEADER_KEYS,
        ),
        (
            "/definitions/Concurrency/properties",
            crate::config::limits::CONCURRENCY_KEYS,
        ),
        (
            "/definitions/WebSocket/properties",
            crate::config::websocket::KEYS,
        ),
        ("/definitions/Rates/properties", crate::config::rate::KEYS),
        ("/definitions/Migration/properties", migration::KEYS),
        ("/definitions/Compare/properties", migration::COMPARE_KEYS),
    ] {
        let properties = schema.pointer(at).and_then(Value::as_object);
        let mut listed: Vec<&str> = properties
            .unwrap_or_else(|| panic!("there are no {at}"))
            .keys()
            .map(String::as_str)
            .collect();
        let mut known = known.to_vec();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known, "{at}");
    }
}

#[test]
fn the_schema_and_the_reader_agree_on_good_and_bad_values() {
    let validator = validator();
    let top = "legacy = \"http://old:1\"\nkafka.\"bootstrap.servers\" = \"a:1\"\n";
    let route = "[[routes]]\npath = \"/a/{id}\"\n";
    let at_the_top = TOP
        .iter()
        .map(|(line, good)| (format!("{top}{line}\n"), *good));
    let in_a_route = ROUTE.iter().map(|(lines, good)| {
        (
            format!("{top}{route}service = \"orders\"\n{lines}\n"),
            *good,
        )
    });
    let in_an_aggregate = AGGREGATE.iter().map(|(lines, good)| {
        (
            format!("{top}{route}mode = \"aggregate\"\n{lines}\n"),
            *good,
        )
    });
    let whole = [
        (format!("{top}{route}mode = \"legacy\"\n"), true),
        (
            format!("{top}{route}mode = \"legacy\"\nkey = \"none\"\n"),
            false,
        ),
        (
            format!("{top}{route}mode = \"legacy\"\nmigration = {{}}\n"),
            false,
        ),
        (
            format!("{top}{route}mode = \"legacy\"\nbreaker = {{}}\n"),
            false,
        ),
        (format!("{top}{route}"), false),
        (format!("{top}{route}service = \"a/b\"\n"), false),
        (format!("{top}[[routes]]\nservice = \"orders\"\n"), false),
        (
            format!("{top}[[routes]]\nservice = \"orders\"\npath = \"a\"\n"),
            false,
        ),
        ("legacy = \"https://old:1\"\n".to_owned(), true),
        ("legacy = \"ftp://old:1\"\n".to_owned(), false),
        (
            "legacy = \"https://old:1\"\nlegacy_tls = {}\n".to_owned(),
            true,
        ),
        (
            "legacy = \"https://old:1\"\nlegacy_tls = { ca = \"\" }\n".to_owned(),
            false,
        ),
        (
            "legacy = \"https://old:1\"\nlegacy_tls = { key = \"a\" }\n".to_owned(),
            false,
        ),
        (
            "legacy = \"https://old:1\"\nlegacy_tls = { colour = 1 }\n".to_owned(),
            false,
        ),
        ("legacy = \"http://me@old:1\"\n".to_owned(), false),
        ("legacy = \"http://old:1/path\"\n".to_owned(), false),
        ("legacy = \"http://[::1]:1\"\n".to_owned(), true),
    ];
    let cases = at_the_top.chain(in_a_route).chain(in_an_aggregate);
    for (text, good) in cases.chain(whole) {
        let read = load("shim.toml", &text, &Overrides::default());
        assert_eq!(read.is_ok(), good, "reader: {text}{read:?}");
        assert_eq!(validator.is_valid(&parsed(&text)), good, "schema: {text}");
    }
}
