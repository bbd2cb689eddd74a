//! What is said of a configuration.

use ipc_http_shim::config::{Config, Mistakes, Override, Overrides, load};

use crate::support::try_config;

const EXAMPLE: &str = include_str!("../../examples/shim.toml");

fn mistakes(text: &str) -> String {
    match try_config(text) {
        Ok(config) => panic!("nothing is wrong with {config:?}"),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn the_example_is_in_order_and_holds_the_defaults() {
    let config = try_config(EXAMPLE).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let default = Config::default();

    assert_eq!(config.routes.len(), 8);
    assert_eq!(config.listen, default.listen);
    assert_eq!(config.admin, default.admin);
    assert_eq!(config.fleet, default.fleet);
    assert_eq!(config.timeout, default.timeout);
    assert_eq!(config.drain, default.drain);
    assert_eq!(config.limits, default.limits);
    assert_eq!(config.kafka.bootstrap(), Some("127.0.0.1:9092"));
}

#[test]
fn every_mistake_is_listed_with_its_place_and_its_mend() {
    let text = include_str!("mistakes.toml");
    let expected = include_str!("mistakes.txt");

    assert_eq!(format!("{}\n", mistakes(text)), expected);
}

#[test]
fn lines_that_are_not_toml_are_listed_along_with_the_mistakes_of_the_others() {
    let text = "listen = 0.0.0.0:80\nfleet = \"a b\"\nfleet = \"c\"\ntimeout = \"5 parsec\"\n";

    let listed = mistakes(text);

    let places: Vec<&str> = listed
        .lines()
        .map(|line| line.split(": ").next().unwrap_or_default())
        .collect();
    assert_eq!(
        places,
        [
            "shim.toml:1:13",
            "shim.toml:2:9",
            "shim.toml:3:1",
            "shim.toml:4:11"
        ]
    );
}

/// The mistakes of `mistakes.toml`, as YAML has them.
#[test]
fn the_mistakes_of_a_yaml_file_have_their_places_too() {
    let text = "listen: 8080\n\
                fleet: my fleet\n\
                limits:\n  header_byte: 5\n\
                kafka:\n  bootstrap.servers: [a:9092]\n\
                routes:\n\
                \x20 - path: /b/{id}\n    service: b\n    key: \"{ids}\"\n\
                \x20 - {path: c, service: c}\n\
                \x20 - path: /b/{id}\n    service: b\n    mode: oneway\n";

    let listed = load("shim.yaml", text, &Overrides::default()).expect_err("much is wrong");

    assert_eq!(
        listed.to_string(),
        "shim.yaml:1:9: listen \"8080\" is not an IP address with a port: write both, as in \"0.0.0.0:8080\"\n\
         shim.yaml:2:8: fleet \"my fleet\" is not a name a topic can start with: use 1 to 200 of the characters a-z, A-Z, 0-9, \".\", \"_\" and \"-\"\n\
         shim.yaml:4:3: unknown key \"header_byte\" in [limits]: did you mean \"header_bytes\"?\n\
         shim.yaml:6:22: bootstrap.servers in [kafka] is an array: write a string, a number, true or false\n\
         shim.yaml:10:10: key names \"ids\", which the path has no parameter for: did you mean \"id\"?\n\
         shim.yaml:11:12: path \"c\" does not start with a slash: start it with \"/\"\n\
         shim.yaml:14:11: mode \"oneway\" is unknown: did you mean \"one_way\"?"
    );
}

#[test]
fn a_yaml_file_comes_to_what_the_same_in_toml_does() {
    let yaml = "legacy: http://old:3000\n\
                limits: {body: 1KiB, header_count: 7}\n\
                kafka:\n  bootstrap.servers: a:1\n  linger.ms: 5\n  enable.idempotence: true\n\
                routes:\n\
                \x20 - methods: [GET, PUT]\n    path: /orders/{id}\n    service: orders\n\
                \x20   request_headers:\n      set: {x-a: 1}\n      remove: [cookie]\n\
                \x20   migration:\n      steps: [shadow, 10%, kafka]\n      automatic: true\n\
                \x20     errors: 0.5%\n      over: 90s\n      fallback: legacy\n\
                \x20     compare: {ignore: [/seen], tolerance: 0.01}\n";
    let toml = "legacy = \"http://old:3000\"\n\
                limits = {body = \"1KiB\", header_count = 7}\n\
                [kafka]\nbootstrap.servers = \"a:1\"\nlinger.ms = 5\nenable.idempotence = true\n\
                [[routes]]\nmethods = [\"GET\", \"PUT\"]\npath = \"/orders/{id}\"\nservice = \"orders\"\n\
                request_headers = { set = { x-a = 1 }, remove = [\"cookie\"] }\n\
                [routes.migration]\nsteps = [\"shadow\", \"10%\", \"kafka\"]\nautomatic = true\n\
                errors = \"0.5%\"\nover = \"90s\"\nfallback = \"legacy\"\n\
                compare = { ignore = [\"/seen\"], tolerance = 0.01 }\n";

    let of_yaml = load("shim.yml", yaml, &Overrides::default());
    let of_yaml = of_yaml.unwrap_or_else(|mistakes| panic!("{mistakes}"));

    let of_toml = try_config(toml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(format!("{of_yaml:?}"), format!("{of_toml:?}"));
}

#[test]
fn lines_that_are_not_yaml_are_told_with_their_place() {
    let listed = load(
        "shim.yaml",
        "fleet: a b\nlegacy: [x\n",
        &Overrides::default(),
    );

    let listed = listed.expect_err("it does not end").to_string();
    assert!(listed.contains("shim.yaml:1:8: fleet \"a b\""), "{listed}");
    assert!(listed.contains("write it as YAML asks for"), "{listed}");
}

#[test]
fn an_empty_file_is_told_what_to_add() {
    assert_eq!(
        mistakes(""),
        "shim.toml: there is nothing to serve: add [[routes]], or legacy = \"http://host:port\""
    );
}

#[test]
fn a_service_without_a_cluster_is_a_mistake() {
    assert_eq!(
        mistakes("[[routes]]\npath = \"/a\"\nservice = \"orders\"\n"),
        "shim.toml: no Kafka cluster is named, and the service \"orders\" is behind one: \
         set \"bootstrap.servers\" in [kafka], or KAFKA_BOOTSTRAP_SERVERS"
    );
}

#[test]
fn every_mistake_of_the_kafka_configuration_is_listed_with_those_of_the_routes() {
    let text = "legacy = \"old\"\n\
                [kafka]\n\
                bootstrap.servers = \"broker\"\n\
                \"delivery.timeout.ms\" = \"soon\"\n\
                acks = 1\n\
                sesion.timeout.ms = 9000\n\
                sasl.password = [\"hunter2\"]\n\
                security.protocol = \"sasl_plaintext\"\n\
                sasl.mechanism = \"PLAIN\"\n\
                [[routes]]\n\
                path = \"a\"\n\
                service = \"orders\"\n";
    let mut overrides = Overrides::default();
    overrides.kafka = vec![(
        "socket.timeout.ms".to_owned(),
        Override::new("KAFKA_SOCKET_TIMEOUT_MS", "10s"),
    )];

    let listed = load("shim.toml", text, &overrides).expect_err("much is wrong");

    let listed = listed.to_string();
    let told: Vec<&str> = listed.lines().collect();
    let expected = [
        ("shim.toml:1:10: ", "legacy \"old\""),
        (
            "shim.toml:3:21: bootstrap.servers = \"broker\": ",
            "host:port",
        ),
        (
            "shim.toml:4:25: message.timeout.ms = \"soon\": ",
            "librdkafka",
        ),
        ("shim.toml:5:8: acks = \"1\": ", "leave it at all"),
        (
            "shim.toml:6:21: sesion.timeout.ms = \"9000\": ",
            "not a property",
        ),
        (
            "shim.toml:7:17: sasl.password in [kafka] is an array: ",
            "a string",
        ),
        ("shim.toml:11:8: path \"a\"", "start it with \"/\""),
        ("shim.toml: sasl.username: not set", "set it"),
        (
            "KAFKA_SOCKET_TIMEOUT_MS: socket.timeout.ms = \"10s\": ",
            "leave the unit out",
        ),
    ];
    assert_eq!(told.len(), expected.len(), "{listed}");
    for (told, (begins, has)) in told.iter().zip(expected) {
        assert!(told.starts_with(begins) && told.contains(has), "{told}");
    }
    assert!(!listed.contains("hunter2"), "{listed}");
}

#[test]
fn tokens_are_refused_with_what_a_gateway_can_use_instead() {
    for property in ["sasl.mechanism", "sasl.mechanisms"] {
        let listed = mistakes(&format!(
            "[kafka]\nbootstrap.servers = \"a:1\"\nsecurity.protocol = \"sasl_plaintext\"\n\
             {property} = \"OAUTHBEARER\"\n\
             [[routes]]\npath = \"/a\"\nservice = \"orders\"\n",
        ));

        assert!(listed.starts_with("shim.toml:4:"), "{listed}");
        assert!(
            listed.contains("a gateway takes none: use SCRAM-SHA-256, SCRAM-SHA-512, PLAIN"),
            "{listed}"
        );
        assert_eq!(listed.lines().count(), 1, "{listed}");
    }
}

#[test]
fn the_kafka_configuration_is_judged_as_a_whole_too() {
    let listed = mistakes(
        "[kafka]\nbootstrap.servers = \"a:1\"\nsession.timeout.ms = 700000\n\
         [[routes]]\npath = \"/a\"\nservice = \"orders\"\n",
    );

    assert!(listed.starts_with("shim.toml: consumer: "), "{listed}");
    assert!(listed.contains("max.poll.interval.ms"), "{listed}");
}

#[test]
fn variables_of_kafka_are_no_mistake_of_a_gateway_that_does_not_need_it() {
    let variables = [("KAFKA_ACKS".to_owned(), "1".to_owned())];
    let overrides = Overrides::default().with_kafka_variables(variables);

    let text = "legacy = \"http://old:3000\"";
    assert!(load("shim.toml", text, &overrides).is_ok());

    let text = "legacy = \"http://old:3000\"\n[kafka]\n";
    assert!(load("shim.toml", text, &overrides).is_err());
}

#[test]
fn a_legacy_upstream_alone_is_enough() {
    let config = try_config("legacy = \"http://old:3000\"").expect("it is in order");

    assert!(!config.uses_kafka());
}

#[test]
fn flags_and_environment_win_over_the_file_and_are_checked_under_their_names() {
    let mut overrides = Overrides::default();
    overrides.listen = Some(Override::new("--listen", "127.0.0.1:1"));
    overrides.kafka = vec![(
        "bootstrap.servers".to_owned(),
        Override::new("--kafka", "elsewhere:1"),
    )];
    let config = load("shim.toml", EXAMPLE, &overrides).expect("it is in order");
    assert_eq!(config.listen.to_string(), "127.0.0.1:1");
    assert_eq!(config.kafka.bootstrap(), Some("elsewhere:1"));

    overrides.drain = Some(Override::new("IPC_SHIM_DRAIN", "soon"));
    let listed =
        load("shim.toml", EXAMPLE, &overrides).map_err(|wrong: Mistakes| wrong.to_string());
    assert_eq!(
        listed.expect_err("the drain is wrong"),
        "IPC_SHIM_DRAIN: drain \"soon\" is not a duration above zero: \
         write a number with its unit, as in \"5s\" or \"250ms\""
    );
}

#[test]
fn kafka_properties_can_be_written_with_and_without_quotes_and_their_values_are_not_shown() {
    let password = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(password.path(), "hunter2\n").expect("it is written");
    let config = try_config(&format!(
        "legacy = \"http://old:1\"\n[kafka]\nbootstrap.servers = \"a:1\"\n\"linger.ms\" = 5\n\
         sasl.password = \"${{file:{}}}\"\nenable.idempotence = true\n",
        password.path().display()
    ))
    .expect("it is in order");

    let others: Vec<_> = config.kafka.others().collect();
    assert_eq!(
        others,
        [
            ("enable.idempotence", "true"),
            ("linger.ms", "5"),
            ("sasl.password", "hunter2")
        ]
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}
