//! What the schema takes, the reader takes, and the other way round.

use jsonschema::Validator;
use serde_json::Value;

use super::schema;
use crate::config::{
    Overrides, access_log, auth, breaker, cors, legacy_tls, load, migration, routes, shared_rates,
    tls, trace, webhook,
};

const SHIPPED: &str = include_str!("../../../shim.schema.json");
const EXAMPLE: &str = include_str!("../../../examples/shim.toml");

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
    let guide = include_str!("../../../../docs/guides/move-your-first-route.md");
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

/// Lines at the top of a file that has a legacy server and a cluster.
const TOP: &[(&str, bool)] = &[
    ("sidecar = false", true),
    ("sidecar = true\nservices = [\"orders\"]", true),
    ("sidecar = \"yes\"", false),
    ("listen = \"127.0.0.1:80\"", true),
    ("listen = \"[::1]:80\"", true),
    ("listen = \"localhost:80\"", false),
    ("listen = 80", false),
    ("admin = \"127.0.0.1\"", false),
    ("fleet = \"edge-1.eu_x\"", true),
    ("fleet = \"a b\"", false),
    ("fleet = \"\"", false),
    ("fleet = [\"a\"]", false),
    ("topic_prefix = \"test.\"", true),
    ("topic_prefix = \"/\"", false),
    ("reply_partitions = 12", true),
    ("reply_partitions = 0", false),
    ("reply_partitions = 70000", false),
    ("reply_partitions = -1", false),
    ("reply_partitions = 1.5", false),
    ("timeout = \"5s\"", true),
    ("timeout = \"1h 30m\"", true),
    ("timeout = \"5\"", false),
    ("timeout = 5", false),
    ("timeout = \"soon\"", false),
    ("drain = \"250ms\"", true),
    ("drain = true", false),
    ("drain_delay = \"5s\"", true),
    ("drain_delay = 5", false),
    ("limits.body = \"32MiB\"", true),
    ("limits.body = \"32 kb\"", true),
    ("limits.body = 1", true),
    ("limits.body = 0", false),
    ("limits.body = \"32 parsecs\"", false),
    ("limits.header_bytes = \"1.5KiB\"", true),
    ("limits.header_bytes = true", false),
    ("limits.header_count = 100", true),
    ("limits.header_count = \"many\"", false),
    ("limits.url = \"8KiB\"", true),
    ("limits.url = 0", false),
    ("limits.connections = 1000000", true),
    ("limits.connections = 0", false),
    ("limits.connections = 1000001", false),
    ("limits.connections_per_address = 100", true),
    ("limits.connections_per_address = \"few\"", false),
    ("limits.streams = 100", true),
    ("limits.streams = 70000", false),
    ("limits.header_timeout = \"10s\"", true),
    ("limits.header_timeout = 10", false),
    ("limits.idle_timeout = \"1m\"", true),
    ("limits.idle_timeout = \"never\"", false),
    ("limits.body_timeout = \"250ms\"", true),
    ("limits.body_rate = \"1KiB\"", true),
    ("limits.body_rate = 0", false),
    ("limits.rate.total = \"1000/s\"", true),
    ("limits.rate.address = \"30/m burst 100\"", true),
    ("limits.rate.address = \"007/h\"", true),
    ("limits.rate.principal = \"30/m burst 100\"", true),
    ("limits.rate.address = \"0/s\"", false),
    ("limits.rate.address = \"5/d\"", false),
    ("limits.rate.address = \"5 /s\"", false),
    ("limits.rate.address = \"5/s burst 0\"", false),
    ("limits.rate.address = \"1000000000/s\"", false),
    ("limits.rate.address = 5", false),
    ("limits.rate.nobody = \"5/s\"", false),
    ("limits.rate = \"5/s\"", false),
    ("limits.concurrency = {}", true),
    ("limits.concurrency.max = 200", true),
    ("limits.concurrency.min = 0", false),
    ("limits.concurrency.mean = 5", false),
    ("limits.concurrency = 5", false),
    ("limits.queue_share = \"100%\"", true),
    ("limits.queue_share = \"0%\"", false),
    ("limits.queue_share = \"101%\"", false),
    ("limits.queue_share = 50", false),
    (
        "trusted_proxies = [\"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\"]",
        true,
    ),
    ("trusted_proxies = []", true),
    ("trusted_proxies = [\"proxy\"]", false),
    ("trusted_proxies = \"10.0.0.0/8\"", false),
    ("client_header = \"forwarded\"", true),
    ("client_header = \"x-real-ip\"", false),
    ("limits.colour = 1", false),
    ("limits = 5", false),
    ("auth = \"jwt\"", false),
    ("auth.default = \"none\"", true),
    ("auth.default = []", false),
    ("auth.default = \"basic\"", false),
    ("auth.colour = 1", false),
    ("auth.api_key_header = \"x-key\"", true),
    ("auth.api_key_header = \"a b\"", false),
    ("auth.forward_api_key = true", true),
    ("auth.forward_authorization = \"no\"", false),
    ("auth.remembered_tokens = 1", true),
    ("auth.remembered_tokens = 0", false),
    ("auth.issuers = 5", false),
    ("auth.issuers = [5]", false),
    (
        "auth.issuers = [{ issuer = \"a\", audience = \"b\", jwks = \"/c.json\" }]",
        true,
    ),
    (
        "auth.issuers = [{ issuer = \"a\", audience = [\"b\"], jwks = \"https://c/d?e\" }]",
        true,
    ),
    (
        "auth.issuers = [{ issuer = \"a\", audience = [], jwks = \"/c\" }]",
        false,
    ),
    (
        "auth.issuers = [{ issuer = \"\", audience = \"b\", jwks = \"/c\" }]",
        false,
    ),
    ("auth.issuers = [{ issuer = \"a\", jwks = \"/c\" }]", false),
    (
        "auth.issuers = [{ issuer = \"a\", audience = \"b\" }]",
        false,
    ),
    (
        "auth.issuers = [{ issuer = \"a\", audience = \"b\", jwks = \"ftp://c\" }]",
        false,
    ),
    (
        "auth.issuers = [{ issuer = \"a\", audience = \"b\", jwks = \"https://me:pw@c\" }]",
        false,
    ),
    (
        "auth.issuers = [{ issuer = \"a\", audience = \"b\", jwks = \"/c\", algorithms = [\"ES256\"] }]",
        true,
    ),
    (
        "auth.issuers = [{ issuer = \"a\", audience = \"b\", jwks = \"/c\", algorithms = [\"HS256\"] }]",
        false,
    ),
    (
        "auth.issuers = [{ issuer = \"a\", audience = \"b\", jwks = \"/c\", algorithms = \"none\" }]",
        false,
    ),
    (
        "auth.issuers = [{ issuer = \"a\", audience = \"b\", jwks = \"/c\", skew = \"5s\" }]",
        true,
    ),
    (
        "auth.issuers = [{ issuer = \"a\", audience = \"b\", jwks = \"/c\", floor = 5 }]",
        false,
    ),
    (
        "auth.api_keys = [{ name = \"a\", sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\" }]",
        true,
    ),
    (
        "auth.api_keys = [{ name = \"a b\", sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\" }]",
        false,
    ),
    (
        "auth.api_keys = [{ name = \"a\", sha256 = \"secret\" }]",
        false,
    ),
    ("auth.api_keys = [{ name = \"a\" }]", false),
    ("auth.sign = { id = \"a\", hmac = \"hunter2\" }", false),
    ("auth.sign = { hmac = \"${env:PATH}\" }", false),
    (
        "auth.sign = { id = \"a b\", hmac = \"${env:PATH}\" }",
        false,
    ),
    (
        "auth.sign = { id = \"a\", hmac = \"${env:PATH}\", ed25519 = \"${env:PATH}\" }",
        false,
    ),
    ("auth.sign = {}", false),
    ("webhook.url = \"http://hooks:8080/ipc?to=us\"", true),
    (
        "webhook = { url = \"http://hooks\", headers = { x-team = \"us\" } }",
        true,
    ),
    ("shared_rates.redis = \"redis://cache:6379/2\"", true),
    (
        "shared_rates = { redis = \"redis://cache\", prefix = \"shop\", within = \"20ms\" }",
        true,
    ),
    ("shared_rates = {}", false),
    ("shared_rates.redis = 6379", false),
    ("shared_rates.within = \"20ms\"", false),
    ("webhook = {}", false),
    ("webhook = \"http://hooks\"", false),
    ("webhook.uri = \"http://hooks\"", false),
    (
        "webhook = { url = \"http://hooks\", headers = { \"a b\" = \"us\" } }",
        false,
    ),
    (
        "auth.certificates = [{ name = \"a\", uri = \"spiffe://b\" }]",
        true,
    ),
    (
        "auth.certificates = [{ name = \"a\", dns = \"b\", scopes = \"c\" }]",
        true,
    ),
    ("auth.certificates = [{ name = \"a\" }]", false),
    ("auth.certificates = [{ uri = \"spiffe://b\" }]", false),
    (
        "auth.certificates = [{ name = \"a\", uri = \"b\", dns = \"c\" }]",
        false,
    ),
    ("services = [\"orders\", \"stock-*\"]", true),
    ("services = \"orders\"", true),
    ("services = [\"a/b\"]", false),
    ("services = [\"a*b\"]", false),
    ("cors = { origins = \"*\" }", true),
    ("cors = { origins = [\"https://a.example\"] }", true),
    ("cors = { origins = [\"https://a.example/\"] }", false),
    ("cors = { origins = [\"https://A.example\"] }", false),
    ("cors = { origins = [\"https://a.example\", \"*\"] }", false),
    ("cors = { origins = [\"a.example\"] }", false),
    ("cors = { origins = [] }", false),
    ("cors = {}", false),
    ("cors = \"none\"", false),
    (
        "cors = { origins = \"*\", methods = [\"GET\"], headers = \"x-a\", expose = [\"x-b\"] }",
        true,
    ),
    ("cors = { origins = \"*\", methods = [\"get\"] }", false),
    ("cors = { origins = \"*\", credentials = true }", false),
    (
        "cors = { origins = \"http://a:1\", credentials = true, max_age = \"1h\" }",
        true,
    ),
    ("security_headers = { x-frame-options = \"DENY\" }", true),
    ("security_headers = { \"a b\" = \"1\" }", false),
    ("security_headers = \"on\"", false),
    ("colour = \"red\"", false),
    ("breaker.mode = \"on\"", true),
    ("breaker.mode = \"open\"", false),
    ("breaker.window = \"30s\"", true),
    ("breaker.failures = \"12.5%\"", true),
    ("breaker.failures = \"0%\"", false),
    ("breaker.failures = \"100%\"", false),
    ("breaker.failures = 0.5", false),
    ("breaker.consecutive = 3", true),
    ("breaker.consecutive = 0", false),
    ("breaker.patience = \"7s\"", true),
    ("breaker.slow = \"soon\"", false),
    ("breaker.slow_answers = \"99.9%\"", true),
    ("breaker.open = \"1m\"", true),
    ("breaker.probes = 100", true),
    ("breaker.probes = 101", false),
    ("breaker.colour = 1", false),
    ("breaker = \"on\"", false),
    ("kafka.linger.ms = 5", true),
    ("kafka.\"linger.ms\" = \"5\"", true),
    ("kafka.enable.idempotence = true", true),
    ("kafka.client.id = [\"a\"]", false),
    ("access_log = {}", true),
    ("access_log = true", false),
    ("access_log.format = \"common\"", true),
    ("access_log.format = \"xml\"", false),
    ("access_log.output = \"stderr\"", true),
    ("access_log.output = \"/var/log/access.json\"", true),
    ("access_log.output = \"\"", false),
    ("access_log.sample = 0.25", true),
    ("access_log.sample = 1", true),
    ("access_log.sample = 1.5", false),
    ("access_log.sample = -1", false),
    ("access_log.peer = \"cut\"", true),
    ("access_log.peer = true", false),
    ("access_log.query = true", true),
    ("access_log.query = \"yes\"", false),
    ("access_log.principal = true", true),
    ("access_log.principal = \"ann\"", false),
    ("access_log.colour = 1", false),
    ("trace.begin = true", true),
    ("trace.begin = 1", false),
    ("trace.sample = 0.5", true),
    ("trace.sample = 2", false),
    ("trace.answer = \"x-trace-id\"", true),
    ("trace.answer = \"a b\"", false),
    ("trace.colour = 1", false),
    ("tls = 5", false),
    ("tls = {}", false),
    ("tls.certificate = \"a.pem\"", false),
    ("tls = { certificate = \"\", key = \"\" }", false),
    (
        "tls = { certificate = \"a\", key = \"-----BEGIN PRIVATE KEY\" }",
        false,
    ),
    (
        "tls = { certificate = \"a\", key = \"b\", colour = 1 }",
        false,
    ),
    (
        "tls = { certificate = \"a\", key = \"b\", client_auth = \"no\" }",
        false,
    ),
    ("operations = {}", true),
    (
        "operations = { path = \"/jobs/v1\", keep = \"1d\", cache = \"1GiB\" }",
        true,
    ),
    ("operations = { path = \"/\" }", false),
    ("operations = { path = \"/a/../b\" }", false),
    ("operations = { path = \"/{a}\" }", false),
    ("operations = { keep = 0 }", false),
    ("operations = { colour = 1 }", false),
    ("routes = 5", false),
    ("routes = [5]", false),
    ("routes = []", true),
];

/// Lines of a route for `/a/{id}`, to a service where they do not say otherwise.
const ROUTE: &[(&str, bool)] = &[
    ("", true),
    ("method = \"POST\"", true),
    ("method = \"PURGE\"", true),
    ("method = \"CONNECT\"", false),
    ("method = \"post\"", false),
    ("method = \"NOT VALID\"", false),
    ("methods = [\"GET\", \"PUT\"]", true),
    ("methods = []", false),
    ("methods = \"GET\"", false),
    ("method = \"GET\"\nmethods = [\"GET\"]", false),
    ("mode = \"one_way\"", true),
    ("mode = \"stream\"", true),
    ("mode = \"accepted\"", true),
    ("mode = \"accepted\"\nwithin = \"10m\"", true),
    ("within = \"later\"", false),
    ("prefer = true\nwithin = \"10m\"", true),
    ("prefer = \"wait\"", false),
    ("late_replies = true", true),
    ("late_replies = 5", false),
    ("mode = \"stream\"\nresume = \"30s\"", true),
    ("resume = true", false),
    ("cache = true", true),
    ("cache = \"1h\"", false),
    (
        "mode = \"websocket\"\nwebsocket = { messages = \"/a/{id}/said\", message_bytes = \"1KiB\", ping = \"5s\", lifetime = \"1h\" }",
        true,
    ),
    ("websocket.messages = \"said\"", false),
    ("websocket.ping = 5", false),
    ("websocket.colour = 5", false),
    ("mode = \"websocket\"\nmigration = {}", false),
    (
        "mode = \"accepted\"\nmigration.steps = [\"legacy\", \"kafka\"]",
        true,
    ),
    ("mode = \"accepted\"\nmigration = {}", false),
    ("parts = { a = \"/b/{id}\" }", false),
    ("required = [\"a\"]", false),
    ("mode = \"oneway\"", false),
    ("mode = \"legacy\"", false),
    ("timeout = \"2m\"", true),
    ("timeout = \"fast\"", false),
    ("key = \"none\"", true),
    ("key = \"{id}\"", true),
    ("key = \"header:x-tenant\"", true),
    ("key = \"id\"", false),
    ("key = \"header:a b\"", false),
    ("rewrite = \"/v2/{id}\"", true),
    ("rewrite = \"v2\"", false),
    ("rewrite = \"/v2?x\"", false),
    (
        "request_headers.set = { x-a = \"1\", x-b = 2, x-c = true }",
        true,
    ),
    ("request_headers.set = { \"a b\" = \"1\" }", false),
    ("request_headers.set = { x-a = [] }", false),
    ("request_headers.sett = {}", false),
    ("request_headers = \"a: b\"", false),
    ("response_headers.remove = [\"server\"]", true),
    ("response_headers.remove = \"server\"", false),
    ("response_headers.add = { x-a = \"1\" }", true),
    ("rate.address = \"10/s\"", true),
    ("rate = { total = \"10/s\" }", true),
    ("rate.address = \"fast\"", false),
    ("rate.principal = \"fast\"", false),
    ("in_flight = 64", true),
    ("in_flight = 64\nin_flight_wait = \"50ms\"", true),
    ("in_flight = 0", false),
    ("in_flight_wait = \"50ms\"", false),
    ("sevice = \"a\"", false),
    ("breaker.mode = \"off\"", true),
    ("breaker.mode = \"maybe\"", false),
    ("breaker = 5", false),
    ("auth = \"none\"", true),
    ("cors = \"none\"", true),
    ("cors = \"on\"", false),
    ("cors.origins = \"*\"", true),
    ("cors.colour = 1", false),
    ("auth = []", false),
    ("auth = [\"none\"]", false),
    ("auth = \"basic\"", false),
    ("auth = 5", false),
    ("scopes = []", true),
    ("scopes = [\"a b\"]", false),
    ("migration = \"shadow\"", false),
    ("migration = {}", true),
    ("migration.name = \"orders\"", true),
    ("migration.nmae = \"orders\"", false),
    ("migration.steps = [\"legacy\", \"1%\", \"99%\"]", true),
    ("migration.steps = [\"kafka\"]", true),
    ("migration.steps = []", false),
    ("migration.steps = \"kafka\"", false),
    ("migration.steps = [\"shadow\", \"shadow\"]", false),
    ("migration.steps = [\"0%\", \"kafka\"]", false),
    ("migration.steps = [\"100%\"]", false),
    ("migration.automatic = true", true),
    ("migration.automatic = \"yes\"", false),
    ("migration.requests = 1", true),
    ("migration.requests = 0", false),
    ("migration.requests = \"many\"", false),
    ("migration.over = \"90s\"", true),
    ("migration.over = 90", false),
    ("migration.differences = \"0.25%\"", true),
    ("migration.differences = \"100%\"", true),
    ("migration.differences = \"100.5%\"", false),
    ("migration.errors = \"-1%\"", false),
    ("migration.errors = 0.01", false),
    ("migration.p99 = \"250ms\"", true),
    ("migration.p99 = \"fast\"", false),
    ("migration.sticky = \"client\"", true),
    ("migration.sticky = \"header:x-tenant\"", true),
    ("migration.sticky = \"cookie:session\"", true),
    ("migration.sticky = \"header:a b\"", false),
    ("migration.sticky = \"cookie:\"", false),
    ("migration.sticky = \"session\"", false),
    ("migration.fallback = \"legacy\"", true),
    ("migration.fallback = true", false),
    ("migration.shadow = \"safe\"", true),
    ("migration.shadow = \"every\"", true),
    ("migration.shadow = \"POST\"", false),
    ("migration.compare = []", false),
    ("migration.compare.headers = [\"etag\"]", true),
    ("migration.compare.headers = [\"a b\"]", false),
    ("migration.compare.headers = \"etag\"", false),
    ("migration.compare.ignore = [\"/a\", \"/b/*/c\"]", true),
    ("migration.compare.ignore = [\"a\"]", false),
    ("migration.compare.show = [\"/\"]", true),
    ("migration.compare.show = \"/a\"", false),
    ("migration.compare.tolerance = 0.01", true),
    ("migration.compare.tolerance = 1", true),
    ("migration.compare.tolerance = -1", false),
    ("migration.compare.body = \"64KiB\"", true),
    ("migration.compare.body = 0", false),
    ("migration.compare.colour = 1", false),
    (
        "mode = \"stream\"\nmigration.steps = [\"legacy\", \"kafka\"]",
        true,
    ),
    (
        "mode = \"stream\"\nmigration.steps = [\"shadow\", \"kafka\"]",
        false,
    ),
    ("mode = \"stream\"\nmigration.automatic = true", false),
];

/// Lines of an aggregate for `/a/{id}`.
const AGGREGATE: &[(&str, bool)] = &[
    (
        "method = \"GET\"\nparts = { a = \"/b/{id}\", b = \"/c\" }",
        true,
    ),
    (
        "methods = [\"GET\"]\nparts = { a = \"/b\" }\nrequired = [\"a\"]",
        true,
    ),
    ("method = \"GET\"", false),
    ("method = \"GET\"\nparts = {}", false),
    ("method = \"GET\"\nparts = { a = \"b\" }", false),
    ("method = \"GET\"\nparts = { missing = \"/b\" }", false),
    ("method = \"GET\"\nparts = [\"/b\"]", false),
    ("method = \"POST\"\nparts = { a = \"/b\" }", false),
    ("parts = { a = \"/b\" }", false),
    (
        "method = \"GET\"\nparts = { a = \"/b\" }\nrewrite = \"/c\"",
        false,
    ),
    (
        "method = \"GET\"\nparts = { a = \"/b\" }\nservice = \"c\"",
        false,
    ),
    (
        "method = \"GET\"\nparts = { a = \"/b\" }\nmigration = {}",
        false,
    ),
];

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
