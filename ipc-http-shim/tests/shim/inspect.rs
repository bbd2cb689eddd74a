//! What a configuration comes to, as it is told.

use ipc_http_shim::config::{Override, Overrides, Question, effective, explain};

use crate::support::try_config;

const EXAMPLE: &str = include_str!("../../examples/shim.toml");

fn overrides() -> Overrides {
    let mut overrides = Overrides::default();
    overrides.listen = Some(Override::new("--listen", "127.0.0.1:1"));
    overrides.kafka = vec![
        (
            "sasl.password".to_owned(),
            Override::new("KAFKA_SASL_PASSWORD", "hunter2"),
        ),
        (
            "bootstrap.servers".to_owned(),
            Override::new("KAFKA_BOOTSTRAP_SERVERS", "elsewhere:1"),
        ),
    ];
    overrides
}

fn shown(text: &str, overrides: &Overrides) -> String {
    effective("shim.toml", text, overrides).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn explained(text: &str, method: &str, target: &str) -> String {
    let question = Question::parse(method, target).expect("it can be asked");
    explain("shim.toml", text, &Overrides::default(), &question)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn every_value_is_shown_with_where_it_is_from_and_no_secret() {
    let text = "fleet = \"edge\"\n\
                [limits]\n\
                body = \"1MiB\"\n\
                [kafka]\n\
                linger.ms = 5\n\
                [[routes]]\n\
                method = \"POST\"\n\
                path = \"/orders/{id}\"\n\
                service = \"orders\"\n\
                key = \"header:x-tenant\"\n\
                rewrite = \"/v2/{id}\"\n\
                request_headers.set = { x-a = \"say \\\"hi\\\"\" }\n\
                response_headers.remove = [\"server\"]\n";

    let shown = shown(text, &overrides());

    let expected = r##"# What shim.toml comes to, and where each value is from.
listen = "127.0.0.1:1"  # --listen
admin = "0.0.0.0:9090"  # default
fleet = "edge"  # shim.toml:1
timeout = "30s"  # default
drain = "25s"  # default
# legacy is not set: requests without a route get 404
# drain_delay is not set: a stop closes the listener at once
# topic_prefix is not set: topics have the names of their services
# services is not set: routes may name every service
# trusted_proxies is not set: the client is whoever opens a connection
# reply_partitions is not set: the reply topic must exist

[limits]
body = 1048576  # shim.toml:3
header_bytes = 65536  # default
header_count = 100  # default
url = 16384  # default
connections = 16384  # default
streams = 200  # default
body_rate = 1024  # default
kept_streams = 1024  # default
kept_events = 65536  # default
cache = 33554432  # default
cached_answer = 262144  # default
# connections_per_address is not set: one address may have all connections
header_timeout = "30s"  # default
idle_timeout = "1m 15s"  # default
body_timeout = "30s"  # default
queue_share = "50%"  # default

[breaker]
mode = "observe"  # default
window = "10s"  # default
failures = "50%"  # default
consecutive = 10  # default
patience = "6s"  # default
slow_answers = "80%"  # default
open = "5s"  # default
probes = 1  # default
# slow is not set: half of a route's timeout is

[trace]
begin = false  # default
sample = 1  # default
# answer is not set: answers do not tell the trace

[auth]
default = "none"  # default
api_key_header = "x-api-key"  # default
forward_api_key = false  # default
forward_authorization = true  # default
remembered_tokens = 10000  # default
# sign is not set: services are not told who calls
# cors is not set: browsers are told what who answers says

[kafka]
"bootstrap.servers" = "elsewhere:1"  # KAFKA_BOOTSTRAP_SERVERS
"linger.ms" = "5"  # shim.toml:5
"sasl.password" = "***"  # KAFKA_SASL_PASSWORD

[[routes]]  # shim.toml:6
methods = ["POST"]  # shim.toml:7
path = "/orders/{id}"  # shim.toml:8
service = "orders"  # shim.toml:9
mode = "call"  # default
key = "header:x-tenant"  # shim.toml:10
timeout = "30s"  # the timeout at the top, default
# auth is not set: the default of [auth]
rewrite = "/v2/{id}"  # shim.toml:11
request_headers = { set = { x-a = 'say "hi"' } }  # shim.toml:12
response_headers = { remove = ["server"] }  # shim.toml:13
"##;
    assert_eq!(shown, expected);
}

const MOVING: &str = "legacy = \"http://old:1\"\n\
                      kafka.bootstrap.servers = \"a:1\"\n\
                      [[routes]]\n\
                      path = \"/orders/{id}\"\n\
                      service = \"orders\"\n\
                      rewrite = \"/v2/{id}\"\n\
                      [routes.migration]\n\
                      steps = [\"shadow\", \"7%\", \"kafka\"]\n\
                      errors = \"0.07%\"\n\
                      sticky = \"cookie:session\"\n\
                      fallback = \"legacy\"\n\
                      [routes.migration.compare]\n\
                      ignore = [\"/seen\"]\n\
                      tolerance = 0.001\n";

#[test]
fn how_a_route_moves_is_shown_with_all_defaults_and_where_each_is_from() {
    let shown = shown(MOVING, &Overrides::default());

    let (_, migration) = shown.split_once("[routes.migration]\n").expect("it moves");
    let expected = r#"# name is not set: commands call the route "/orders/{id}"
steps = ["shadow", "7%", "kafka"]  # shim.toml:8
automatic = false  # default
requests = 1000  # default
over = "5m"  # default
differences = "0%"  # default
errors = "0.07%"  # shim.toml:9
p99 = "1s"  # default
sticky = "cookie:session"  # shim.toml:10
shadow = "safe"  # default
fallback = "legacy"  # shim.toml:11

[routes.migration.compare]
headers = ["content-type"]  # default
ignore = ["/seen"]  # shim.toml:13
show = []  # default
tolerance = 0.001  # shim.toml:14
body = 1048576  # default
"#;
    assert_eq!(migration, expected);
}

#[test]
fn a_route_that_moves_is_told_with_its_steps_and_what_the_legacy_server_gets() {
    let told = explained(MOVING, "GET", "/orders/7");

    for line in [
        "goes to: service \"orders\", topic orders.requests, mode call",
        "moves: as \"/orders/{id}\", from the legacy server http://old:1, by command: \
         shadow, 7%, kafka",
        "falls back: to the legacy server http://old:1, where that can do no harm",
        "sent on as: /v2/7, by rewrite = \"/v2/{id}\"",
        "the legacy server gets the request as it came, and its answer stays as it is",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
}

#[test]
fn what_is_shown_can_be_read_again_and_comes_to_the_same() {
    for text in [
        EXAMPLE,
        "legacy = \"http://old:1\"\ntopic_prefix = \"test.\"\n",
        MOVING,
        "kafka.bootstrap.servers = \"a:1\"\nbreaker.slow = \"1s\"\n\
         [[routes]]\npath = \"/a\"\nservice = \"a\"\nbreaker.mode = \"off\"\n",
    ] {
        let once = shown(text, &Overrides::default());
        let again = try_config(&once).unwrap_or_else(|mistakes| panic!("{mistakes}\n{once}"));

        let mut config = try_config(text).expect("it is in order");
        config.breaker = config.breaker.with_defaults();
        for route in &mut config.routes {
            // Written out, since it is what the route comes to.
            route.timeout = route.timeout.or(Some(config.timeout));
        }
        assert_eq!(format!("{again:?}"), format!("{config:?}"));
    }
}

#[test]
fn a_request_is_told_its_route_and_what_becomes_of_it() {
    let text = "kafka.bootstrap.servers = \"a:1\"\n\
                topic_prefix = \"test.\"\n\
                limits.body = \"1KiB\"\n\
                [[routes]]\n\
                method = \"POST\"\n\
                path = \"/orders/{id}/place\"\n\
                service = \"orders\"\n\
                timeout = \"5s\"\n";

    let told = explained(text, "POST", "/orders/a%2Fb/place?x=%20");

    let expected = r#"POST /orders/a%2Fb/place?x=%20
route: POST /orders/{id}/place, at shim.toml:4
goes to: service "orders", topic test.orders.requests, mode call
key: "a/b", the path's {id}, by default
sent on as: /orders/a%2Fb/place?x=%20, as it came
timeout: 5s, from shim.toml:8
may call: anybody, from default of [auth], default
limits: body 1024 bytes (shim.toml:3), headers 65536 bytes (default), 100 headers (default), url 16384 bytes (default)
slow clients: a body may pause 30s (default) and comes with 1024 bytes a second (default)
queue: 503 where it would wait beyond 2s 500ms, which is 50% of its timeout (default)
breaker: observes, and refuses nothing (default); opens for 5s or longer where 50% of the requests within 10s fail, or 10 in a row, or 80% take 2s 500ms or longer, or none is answered, for 6s
"#;
    assert_eq!(told, expected);
}

#[test]
fn a_rewritten_request_is_told_what_arrives() {
    let told = explained(EXAMPLE, "HEAD", "/orders/7?y");

    for line in [
        "route: GET /orders/{id}, at shim.toml:",
        "key: none, by default",
        "sent on as: /v2/orders/7?y, by rewrite = \"/v2/orders/{id}\"",
        "timeout: 30s, from shim.toml:",
        "request headers: removes cookie; sets x-tenant",
        "answer headers: removes server",
    ] {
        assert!(
            told.lines().any(|told| told.starts_with(line)),
            "{line}\n{told}"
        );
    }
    let escaping = explained(EXAMPLE, "GET", "/orders/%2e%2e");
    assert!(escaping.contains("not sent on: 400"), "{escaping}");
}

#[test]
fn other_routes_are_told_with_why_they_do_not_take_the_request() {
    let text = "legacy = \"http://old:1\"\n\
                [[routes]]\npath = \"/{*rest}\"\nmode = \"legacy\"\n\
                [[routes]]\nmethod = \"GET\"\npath = \"/a/{id}\"\nmode = \"legacy\"\n\
                [[routes]]\npath = \"/a/b\"\nmode = \"legacy\"\nmethods = [\"POST\", \"PUT\"]\n\
                [[routes]]\npath = \"/a/c/d\"\nmode = \"legacy\"\n";

    let told = explained(text, "POST", "/a/b");

    let (_, others) = told.split_once("other routes:\n").expect("there are some");
    assert_eq!(
        others,
        "  /{*rest}, at shim.toml:2: fits too, but the route above is more exact\n  \
         GET /a/{id}, at shim.toml:5: has other methods\n  \
         /a/c/d, at shim.toml:13: \"b\" is not \"c\"\n"
    );
}

#[test]
fn a_request_without_a_route_is_told_where_it_ends() {
    let routes = "kafka.bootstrap.servers = \"a:1\"\n\
                  [[routes]]\nmethod = \"POST\"\npath = \"/orders\"\nservice = \"orders\"\n";

    let unknown = explained(routes, "GET", "/order");
    assert!(unknown.contains("route: none\nanswered: 404"), "{unknown}");
    assert!(unknown.contains("\"order\" is not \"orders\""), "{unknown}");

    let method = explained(routes, "GET", "/orders");
    assert!(
        method.contains("route: none; the path is routed for POST\nanswered: 405"),
        "{method}"
    );

    let legacy = explained(
        &format!("legacy = \"http://old:1\"\n{routes}"),
        "GET",
        "/order",
    );
    assert!(
        legacy.contains("goes to: the legacy server http://old:1\ntimeout: 30s, from default"),
        "{legacy}"
    );
}

#[test]
fn what_is_no_request_cannot_be_asked_for() {
    for (method, target) in [
        ("G ET", "/a"),
        ("GET", "a"),
        ("GET", "http://shop/a"),
        ("GET", ""),
    ] {
        assert!(
            Question::parse(method, target).is_err(),
            "{method} {target}"
        );
    }
    assert!(Question::parse("OPTIONS", "*").is_ok());
}

#[test]
fn where_a_request_is_counted_traced_and_logged_is_told() {
    let text = "legacy = \"http://old:1\"\n\
                limits.rate.total = \"9/s\"\n\
                shared_rates.redis = \"redis://cache:6379\"\n\
                [trace]\nbegin = true\nsample = 0.25\n\
                [access_log]\nformat = \"common\"\nsample = 0.5\n";

    let told = explained(text, "GET", "/");

    for line in [
        "trace: begun where it has none, 0.25 of them recorded, from shim.toml:5",
        "access log: common to stdout, 0.5 of the lines of what did not fail, from default",
        "rates: 9/s of every route, of all clients together (shim.toml:2); of all replicas, in the \
         Redis at cache:6379",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
}
