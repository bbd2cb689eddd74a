//! From a file's text, and what stands over it, to a configuration.

use std::net::SocketAddr;
use std::ops::Range;

use toml::de::DeTable;

use super::document::Document;
use super::kafka::KafkaSection;
use super::mistake::{Located, Mistakes, Place, Report};
use super::overrides::Overrides;
use super::section::Section;
use super::value::{Count, FromText, Name, Truth};
use super::{
    Config, Target, access_log, auth, breaker, cors, legacy_tls, limits, operations, proxies,
    routes, security_headers, services, shared_rates, sidecar, tls, trace, webhook,
};

pub(super) const KEYS: &[&str] = &[
    "sidecar",
    "listen",
    "admin",
    "fleet",
    "topic_prefix",
    "reply_partitions",
    "legacy",
    "timeout",
    "drain",
    "drain_delay",
    "kafka",
    "limits",
    "tls",
    "legacy_tls",
    "breaker",
    "access_log",
    "trace",
    "auth",
    "webhook",
    "shared_rates",
    "operations",
    "cors",
    "security_headers",
    "services",
    "trusted_proxies",
    "client_header",
    "routes",
];

/// Reads a configuration from `text`, the contents of `file`, with `overrides`
/// over it. It is YAML where the file's name ends in `.yaml` or `.yml`, else TOML.
///
/// # Errors
///
/// Every mistake there is, each with its place and its mend.
pub fn load(file: &str, text: &str, overrides: &Overrides) -> Result<Config, Mistakes> {
    let mut report = Report::on(text);
    let document = Document::parse(file, text);
    let unreadable = document.report_unreadable(&mut report);
    let root = &document.root;
    let mut kafka = KafkaSection::default();
    let config = read(
        root.get_ref(),
        root.span(),
        overrides,
        &mut kafka,
        &mut report,
    );
    if !unreadable {
        // Where a line could not be read, what seems to be missing may be on it.
        check_whole(&config, root.get_ref(), &mut report);
        if config.uses_kafka() || root.get_ref().contains_key("kafka") {
            kafka.check(&config, &mut report);
        }
    }
    report.finish(file, config)
}

fn read<'a>(
    table: &'a DeTable<'a>,
    span: Range<usize>,
    overrides: &Overrides,
    kafka: &mut KafkaSection,
    report: &mut Report<'_>,
) -> Config {
    let root = Section::open("the top of the file", table, span, KEYS, report);
    let mut config = Config::default();
    if let Some(Truth(true)) = root.value("sidecar", report).map(|read| read.value) {
        sidecar::defaults(&mut config);
    }
    let listen = root.setting("listen", overrides.listen.as_ref(), report);
    if config.sidecar {
        sidecar::check_listen(listen.as_ref(), report);
    }
    let admin = root.setting("admin", overrides.admin.as_ref(), report);
    check_addresses(&listen, &admin, report);
    set(&mut config.listen, listen);
    config.admin = admin.map(|read| read.value).or(config.admin);
    if let Some(fleet) = root.setting::<Name>("fleet", overrides.fleet.as_ref(), report) {
        config.fleet = fleet.value.0;
    }
    if let Some(prefix) =
        root.setting::<Name>("topic_prefix", overrides.topic_prefix.as_ref(), report)
    {
        config.topic_prefix = prefix.value.0;
    }
    if let Some(partitions) = root.value::<Count>("reply_partitions", report) {
        config.reply_partitions = Some(partitions.value.0.into());
    }
    let timeout = root.setting("timeout", overrides.timeout.as_ref(), report);
    set(&mut config.timeout, timeout);
    let drain = root.setting("drain", overrides.drain.as_ref(), report);
    set(&mut config.drain, drain);
    set(&mut config.drain_delay, root.value("drain_delay", report));
    let legacy = root.setting("legacy", overrides.legacy.as_ref(), report);
    config.legacy = legacy.map(|read| read.value);

    config.proxies = proxies::read(&root, report);
    if let Some((table, span)) = root.table("limits", report) {
        config.limits = limits::read(table, span, report);
    }
    if let Some((table, span)) = root.table("tls", report) {
        config.tls = tls::read(table, span, report);
    }
    if let Some((table, span)) = root.table("legacy_tls", report) {
        config.legacy_tls = legacy_tls::read(table, span, config.legacy.as_ref(), report);
    }
    if let Some((table, span)) = root.table("breaker", report) {
        config.breaker = breaker::read(breaker::TITLE, table, span, report);
        breaker::check(&config.breaker, &root.place_of("breaker", report), report);
    }
    if let Some((table, span)) = root.table("access_log", report) {
        config.access_log = Some(access_log::read(table, span, report));
    }
    if let Some((table, span)) = root.table("trace", report) {
        config.trace = trace::read(table, span, report);
    }
    if let Some((table, span)) = root.table("auth", report) {
        config.auth = auth::read(table, span, report);
    }
    if let Some((table, span)) = root.table("webhook", report) {
        config.webhook = webhook::read(table, span, report);
    }
    if let Some((table, span)) = root.table("shared_rates", report) {
        config.shared_rates = shared_rates::read(table, span, report);
    }
    if let Some((table, span)) = root.table("operations", report) {
        config.operations = operations::read(table, span, report);
    }
    if let Some((table, span)) = root.table("cors", report) {
        config.cors = cors::read("[cors]", table, span, report);
    }
    config.security_headers = security_headers::read(&root, report);
    config.services = services::read(&root, report);
    if let Some((table, _)) = root.table("kafka", report) {
        kafka.read(table, report);
    }
    kafka.put_over(&overrides.kafka, report);
    config.kafka = kafka.properties.clone();
    let legacy_is_set = root.get("legacy").is_some() || overrides.legacy.is_some();
    let mut read = Vec::new();
    if let Some(value) = root.get("routes") {
        read = routes::read(value, legacy_is_set, &config.auth, report);
    }
    if config.sidecar {
        sidecar::add_routes(&mut read, &root, &config.services, report);
    }
    routes::check(&read, legacy_is_set, report);
    breaker::check_routes(&config.breaker, &read, report);
    services::check(&read, &config.services, report);
    operations::check(&read, &config.operations, report);
    config.routes = read.into_iter().map(|route| route.value).collect();
    config
}

fn set<T: FromText>(field: &mut T, read: Option<Located<T>>) {
    if let Some(read) = read {
        *field = read.value;
    }
}

fn check_addresses(
    listen: &Option<Located<SocketAddr>>,
    admin: &Option<Located<SocketAddr>>,
    report: &mut Report<'_>,
) {
    let (Some(listen), Some(admin)) = (listen, admin) else {
        return;
    };
    // Port 0 asks for any free port, twice if need be.
    if listen.value == admin.value && admin.value.port() != 0 {
        report.add(
            admin.place.clone(),
            format!("admin is {}, as is listen", admin.value),
            "give it a port of its own",
        );
    }
}

/// What only the configuration as a whole can be missing.
fn check_whole(config: &Config, root: &DeTable<'_>, report: &mut Report<'_>) {
    let routed = config.sidecar || root.contains_key("routes") || root.contains_key("legacy");
    if !routed && config.legacy.is_none() {
        report.add(
            Place::File,
            "there is nothing to serve",
            "add [[routes]], or legacy = \"http://host:port\"",
        );
    }
    auth::check_handshake(config, root.contains_key("tls"), report);
    let service = config.routes.iter().find_map(|route| match &route.target {
        Target::Service { service, .. } => Some(service),
        Target::Aggregate(_) | Target::Legacy => None,
    });
    if let (Some(service), None) = (service, config.kafka.bootstrap()) {
        report.add(
            Place::File,
            format!("no Kafka cluster is named, and the service {service:?} is behind one"),
            "set \"bootstrap.servers\" in [kafka], or KAFKA_BOOTSTRAP_SERVERS",
        );
    }
}
