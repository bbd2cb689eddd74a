//! Finding every mistake before a client is made.
//!
//! Librdkafka itself is asked about each property, so that no list of them is
//! kept here; only what would break this crate's promises is known by name.

use rdkafka::ClientConfig;
use rdkafka::config::NativeClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::BaseProducer;
use rdkafka::types::RDKafkaConfRes;

use super::fault::{Fault, is_secret, verdict};
use super::{KafkaConfig, Role};
use crate::transport::TransportError;

/// What librdkafka makes of a property.
pub(super) enum Reading {
    /// There is no such property.
    Unknown,
    /// The value is not allowed, and why.
    Refused(String),
    /// The value as librdkafka understood it.
    Taken(String),
}

/// Asks librdkafka about one property.
pub(super) fn read_back(property: &str, value: &str) -> Reading {
    let mut client = ClientConfig::new();
    client.set(property, value);
    match client.create_native_config() {
        Ok(native) => Reading::Taken(native.get(property).unwrap_or_default()),
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Reading::Unknown
        }
        Err(KafkaError::ClientConfig(_, reason, ..)) => Reading::Refused(reason.trim().to_owned()),
        Err(error) => Reading::Refused(error.to_string()),
    }
}

impl KafkaConfig {
    /// Finds every mistake without asking the cluster. Blocks for some
    /// milliseconds: librdkafka judges each property itself.
    ///
    /// # Errors
    ///
    /// One error that lists each property that cannot be set, with the mend.
    pub fn check(&self) -> Result<(), TransportError> {
        let mut faults = bootstrap(&self.bootstrap);
        faults.extend(settings(self));
        if faults.is_empty() {
            faults.extend(trial(self));
        }
        verdict(&faults)
    }
}

/// Checks the form of the addresses; whether anybody is there is another matter.
pub(super) fn bootstrap(servers: &str) -> Vec<Fault> {
    servers
        .split(',')
        .filter_map(|address| {
            let reason = address_fault(address.trim())?;
            let mend =
                format!("address {address:?} {reason}: name the cluster as host:port[,host:port]");
            Some(Fault::new("bootstrap.servers", Some(servers), mend))
        })
        .collect()
}

fn address_fault(address: &str) -> Option<&'static str> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("plaintext", address));
    let known = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"];
    if !known.iter().any(|name| name.eq_ignore_ascii_case(scheme)) {
        return Some("is not a Kafka listener");
    }
    let Some((host, port)) = rest.rsplit_once(':') else {
        return Some("has no port");
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
        Some("has no valid host")
    } else if host.contains(':') && !bracketed {
        Some("is an IPv6 address without brackets")
    } else if port.parse::<u16>().map_or(true, |port| port == 0) {
        Some("has no valid port")
    } else {
        None
    }
}

/// Checks each property, then what they mean together.
pub(super) fn settings(config: &KafkaConfig) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut valid = ClientConfig::new();
    for (property, value) in &config.properties {
        match property_fault(property, value) {
            Some(mend) => faults.push(Fault::new(property, Some(value), mend)),
            None => {
                valid.set(property, value);
            }
        }
    }
    if let Err(reason) = config.names.check() {
        faults.push(Fault::new(
            "topic_prefix",
            Some(config.names.prefix()),
            reason,
        ));
    }
    match valid.create_native_config() {
        Ok(native) => {
            let meant = Meant {
                config,
                native: &native,
            };
            meant.promises(&mut faults);
            meant.security(&mut faults);
        }
        Err(error) => faults.push(Fault::new("properties", None, error.to_string())),
    }
    faults
}

fn property_fault(property: &str, value: &str) -> Option<String> {
    match read_back(property, value) {
        Reading::Unknown => Some(
            "not a property of librdkafka: correct the name (its CONFIGURATION.md lists them all)"
                .to_owned(),
        ),
        Reading::Refused(_) if is_secret(property) => Some("librdkafka refuses it".to_owned()),
        Reading::Refused(reason) if !cfg!(feature = "tls") && reason.contains("OpenSSL") => Some(
            format!("needs OpenSSL: build ipc-core with its feature `tls` ({reason})"),
        ),
        Reading::Refused(reason) => Some(format!("librdkafka refuses it: {reason}")),
        // Librdkafka reads "5s" as 5 and says nothing.
        Reading::Taken(read) => {
            let value = value.trim();
            let cut = read.parse::<f64>().is_ok()
                && value.parse::<f64>().is_err()
                && value.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                && !value.to_ascii_lowercase().starts_with("0x");
            cut.then(|| format!("not a number (librdkafka would read {read}): leave the unit out"))
        }
    }
}

/// The settings as librdkafka understands them together.
struct Meant<'a> {
    config: &'a KafkaConfig,
    native: &'a NativeClientConfig,
}

impl Meant<'_> {
    fn value(&self, property: &str) -> String {
        self.native.get(property).unwrap_or_default()
    }

    /// The fault of a property that is set to something that cannot be.
    fn wrong(&self, property: &str, mend: &str) -> Fault {
        Fault::new(property, self.config.property(property), mend)
    }

    fn is_set(&self, property: &str) -> bool {
        self.config.property(property).is_some()
    }

    /// What would break the promises to callers and handlers.
    fn promises(&self, faults: &mut Vec<Fault>) {
        let mut refuse = |broken: bool, property: &str, mend: &str| {
            if broken {
                faults.push(self.wrong(property, mend));
            }
        };
        let set_to = |property: &str, value: &str| {
            self.is_set(property) && self.value(property).eq_ignore_ascii_case(value)
        };
        refuse(
            set_to("enable.auto.offset.store", "true"),
            "enable.auto.offset.store",
            "would commit records before they are processed: leave it false",
        );
        refuse(
            set_to("enable.auto.commit", "false"),
            "enable.auto.commit",
            "would leave processed records uncommitted: leave it true (offsets are stored after the work)",
        );
        refuse(
            set_to("auto.commit.interval.ms", "0"),
            "auto.commit.interval.ms",
            "would leave processed records uncommitted: set at least 1",
        );
        refuse(
            self.is_set("acks") && !matches!(&*self.value("acks"), "-1" | "all"),
            "acks",
            "an acknowledgement would not mean that the record is safe: leave it at all",
        );
        refuse(
            set_to("enable.idempotence", "false")
                && self.value("max.in.flight.requests.per.connection") != "1",
            "enable.idempotence",
            "a retry could change the order of a key's records: leave it true, \
             or set max.in.flight.requests.per.connection to 1",
        );
        refuse(
            set_to("delivery.report.only.error", "true"),
            "delivery.report.only.error",
            "no record would ever be acknowledged: leave it false",
        );
        refuse(
            self.is_set("transactional.id"),
            "transactional.id",
            "the shared producer is not transactional: leave it out",
        );
    }

    fn security(&self, faults: &mut Vec<Fault>) {
        let mut fault = |property: &str, mend: &str| faults.push(self.wrong(property, mend));
        let sasl = self
            .value("security.protocol")
            .to_ascii_lowercase()
            .starts_with("sasl");
        let mechanism = self.value("sasl.mechanism");
        if !sasl {
            if self.is_set("sasl.mechanism") {
                fault(
                    "sasl.mechanism",
                    "ignored while security.protocol does not name SASL: \
                     set security.protocol to sasl_ssl (or sasl_plaintext)",
                );
            }
            return;
        }
        if !self.is_set("sasl.mechanism") {
            fault(
                "sasl.mechanism",
                "not set while security.protocol asks for SASL: \
                 set PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
            );
            return;
        }
        let scram = mechanism.starts_with("SCRAM-SHA-");
        let bearer = mechanism == "OAUTHBEARER";
        if !scram && !bearer && mechanism != "PLAIN" {
            fault(
                "sasl.mechanism",
                "not supported: use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
            );
        }
        if (scram || bearer) && !cfg!(feature = "tls") {
            fault(
                "sasl.mechanism",
                "needs OpenSSL: build ipc-core with its feature `tls`",
            );
        }
        if bearer && !self.config.has_tokens() {
            fault(
                "sasl.mechanism",
                "needs a token provider: give one to token_provider(..)",
            );
        }
        if !bearer {
            for property in ["sasl.username", "sasl.password"] {
                if !self.is_set(property) {
                    fault(property, "not set, but the SASL mechanism needs it: set it");
                }
            }
        }
    }
}

/// Lets librdkafka judge the whole of it, by making a client of each kind that
/// knows no broker.
fn trial(config: &KafkaConfig) -> Vec<Fault> {
    let without_broker = |role| {
        let mut client = config.client(role);
        client.remove("bootstrap.servers").remove("group.id");
        client
    };
    let producer: KafkaResult<BaseProducer> = without_broker(Role::Producer).create();
    let consumer: KafkaResult<BaseConsumer> = without_broker(Role::Group).create();
    [("producer", producer.err()), ("consumer", consumer.err())]
        .into_iter()
        .filter_map(|(kind, error)| {
            let reason = match error? {
                KafkaError::ClientCreation(reason) => reason,
                other => other.to_string(),
            };
            let mend = format!("librdkafka refuses the settings together: {reason}");
            Some(Fault::new(kind, None, mend))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config() -> KafkaConfig {
        KafkaConfig::new("localhost:9092")
    }

    fn error(config: &KafkaConfig) -> String {
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_without_fault() {
        assert!(config().check().is_ok());
        assert!(config().set("group.protocol", "consumer").check().is_ok());
    }

    #[test]
    fn addresses_have_host_and_port() {
        for good in [
            "localhost:9092",
            "a.example:9092, b.example:9093",
            "[::1]:9092",
            "SASL_SSL://broker:9094",
        ] {
            assert_eq!(bootstrap(good), [], "{good}");
        }
        for (bad, why) in [
            ("", "no port"),
            ("localhost", "no port"),
            ("localhost:", "no valid port"),
            ("localhost:0", "no valid port"),
            ("localhost:99999", "no valid port"),
            (":9092", "no valid host"),
            ("http://localhost:9092", "not a Kafka listener"),
            ("::1:9092", "without brackets"),
            ("a:9092,,b:9092", "no port"),
            ("user:pw@host:9092", "no valid host"),
        ] {
            let faults = bootstrap(bad);
            assert_eq!(faults.len(), 1, "{bad}");
            assert!(faults[0].mend.contains(why), "{bad}: {}", faults[0]);
        }
    }

    #[test]
    fn what_would_break_a_promise_is_refused() {
        for (property, value) in [
            ("enable.auto.offset.store", "true"),
            ("enable.auto.commit", "0"),
            ("auto.commit.interval.ms", "0"),
            ("acks", "1"),
            ("request.required.acks", "0"),
            ("enable.idempotence", "f"),
            ("delivery.report.only.error", "true"),
            ("transactional.id", "t"),
        ] {
            let error = error(&config().set(property, value));
            assert!(
                error.contains(super::super::defaults::canonical(property)),
                "{error}"
            );
            assert!(error.contains(&format!("{value:?}")), "{error}");
        }
        let ordered = config()
            .set("enable.idempotence", false)
            .set("max.in.flight", 1);
        assert!(ordered.check().is_ok());
    }

    #[test]
    fn a_number_with_a_unit_is_not_cut_silently() {
        let error = error(&config().set("socket.timeout.ms", "10s"));
        assert!(error.contains("librdkafka would read 10"), "{error}");
        for good in ["10000", " 10000", "0x1000"] {
            assert!(
                config().set("socket.timeout.ms", good).check().is_ok(),
                "{good}"
            );
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_told_for_each_kind_of_client() {
        let error = error(
            &config()
                .set("session.timeout.ms", 70_000)
                .set("max.in.flight", 1000),
        );
        assert!(error.contains("2 mistakes"), "{error}");
        assert!(error.contains("max.poll.interval.ms"), "{error}");
        assert!(error.contains("max.in.flight"), "{error}");
    }

    #[test]
    fn sasl_is_asked_for_completely_or_not_at_all() {
        let plain = config()
            .set("security.protocol", "sasl_plaintext")
            .set("sasl.mechanism", "PLAIN")
            .set("sasl.username", "me");
        let message = error(&plain);
        assert!(message.contains("sasl.password: not set"), "{message}");
        assert!(plain.set("sasl.password", "s3cret").check().is_ok());

        let message = error(&config().set("sasl.mechanism", "PLAIN"));
        assert!(message.contains("security.protocol"), "{message}");
        let message = error(&config().set("security.protocol", "sasl_plaintext"));
        assert!(message.contains("sasl.mechanism: not set"), "{message}");
        let bearer = config()
            .set("security.protocol", "sasl_plaintext")
            .set("sasl.mechanism", "OAUTHBEARER");
        assert!(error(&bearer).contains("token provider"));
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_tls_the_feature_is_named() {
        for (property, value) in [
            ("security.protocol", "ssl"),
            ("ssl.ca.location", "/etc/ca.pem"),
        ] {
            let error = error(&config().set(property, value));
            assert!(error.contains("feature `tls`"), "{error}");
        }
        let scram = config()
            .set("security.protocol", "sasl_plaintext")
            .set("sasl.mechanism", "SCRAM-SHA-512")
            .set("sasl.username", "me")
            .set("sasl.password", "s3cret");
        let error = error(&scram);
        assert!(error.contains("feature `tls`"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_nul_byte_is_a_mistake_and_no_panic() {
        assert!(config().set("client.id", "a\0b").check().is_err());
        assert!(config().set("client\0id", "a").check().is_err());
    }

    proptest! {
        #[test]
        fn no_property_and_no_value_makes_the_check_panic(
            property in "\\PC{0,40}",
            value in "\\PC{0,40}",
            servers in "\\PC{0,40}",
        ) {
            let config = KafkaConfig::new(servers).set(&property, value);
            let _ = settings(&config);
            let _ = bootstrap(config.bootstrap());
        }
    }
}
