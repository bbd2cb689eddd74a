//! What settings mean together: only what would break this crate's promises or
//! keep a client from authenticating is known by name.

use rdkafka::config::NativeClientConfig;

use super::KafkaConfig;
use super::fault::Fault;

/// Checks settings of which each is right on its own.
pub(super) fn faults(config: &KafkaConfig, native: &NativeClientConfig) -> Vec<Fault> {
    let meant = Meant { config, native };
    let mut faults = Vec::new();
    meant.promises(&mut faults);
    meant.security(&mut faults);
    faults
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

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> KafkaConfig {
        KafkaConfig::new("localhost:9092")
    }

    fn error(config: &KafkaConfig) -> String {
        config.check().unwrap_err().to_string()
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
}
