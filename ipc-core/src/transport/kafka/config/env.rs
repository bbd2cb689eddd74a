//! The configuration as the environment has it.

use std::ffi::OsString;

use super::fault::{Fault, verdict};
use super::property::{self, Reading};
use super::{KafkaConfig, addresses, check};
use crate::transport::TransportError;

const PREFIX: &str = "KAFKA_";
const BOOTSTRAP: &str = "KAFKA_BOOTSTRAP_SERVERS";
const TOPIC_PREFIX: &str = "KAFKA_TOPIC_PREFIX";

pub(super) fn read(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<KafkaConfig, TransportError> {
    let mut config = KafkaConfig::new("");
    let mut faults = Vec::new();
    let mut variables: Vec<_> = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX) && !is_foreign(name))
        .collect();
    variables.sort();
    for (name, value) in variables {
        let Ok(value) = value.into_string() else {
            faults.push(Fault::new(&name, None, "not valid UTF-8: set it anew"));
            continue;
        };
        if name == TOPIC_PREFIX {
            config = config.topic_prefix(value);
            continue;
        }
        match known_property(&name) {
            Some(property) => config = config.set(&property, value),
            None => faults.push(Fault::new(
                &name,
                Some(&value),
                "names no property of librdkafka: correct the name or unset it \
                 (its CONFIGURATION.md lists them all)",
            )),
        }
    }
    if config.bootstrap().is_empty() {
        let mend = "not set: name the cluster as host:port[,host:port]";
        faults.insert(0, Fault::new(BOOTSTRAP, None, mend));
    } else {
        faults.extend(addresses::faults(config.bootstrap()));
    }
    faults.extend(check::settings(&config));
    verdict(&faults)?;
    Ok(config)
}

/// The property a variable stands for. Dots are the rule; a few properties have
/// underscores of their own.
fn known_property(variable: &str) -> Option<String> {
    let lower = variable.strip_prefix(PREFIX)?.to_ascii_lowercase();
    [lower.replace('_', "."), lower]
        .into_iter()
        .find(|name| !matches!(property::read_back(name, ""), Reading::Unknown))
}

/// As [`known_property`], for a variable that may stand for none at all.
pub(super) fn property_of(variable: &str) -> Option<String> {
    let name = variable.strip_prefix(PREFIX)?;
    if variable == TOPIC_PREFIX || is_foreign(variable) {
        return None;
    }
    let dotted = || name.to_ascii_lowercase().replace('_', ".");
    Some(known_property(variable).unwrap_or_else(dotted))
}

/// Variables that other programs are known to put beside ours.
fn is_foreign(name: &str) -> bool {
    let kubernetes = name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP"))
        || name.ends_with("_PORT");
    let scripts = name == "KAFKA_HOME" || name.ends_with("_OPTS");
    kubernetes || scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<KafkaConfig, TransportError> {
        let owned = |text: &str| OsString::from(text);
        read(
            variables
                .iter()
                .map(|(name, value)| (owned(name), owned(value))),
        )
    }

    fn error(variables: &[(&str, &str)]) -> String {
        from(variables).unwrap_err().to_string()
    }

    #[test]
    fn every_property_is_read_by_its_own_name() {
        let config = from(&[
            (BOOTSTRAP, "a:9092,b:9092"),
            ("KAFKA_SESSION_TIMEOUT_MS", "9000"),
            ("KAFKA_LOG_LEVEL", "7"),
            ("KAFKA_GROUP_ID", "night-shift"),
            (TOPIC_PREFIX, "staging."),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(config.bootstrap(), "a:9092,b:9092");
        assert_eq!(config.property("session.timeout.ms"), Some("9000"));
        assert_eq!(config.property("log_level"), Some("7"));
        assert_eq!(config.group_id(), Some("night-shift"));
        assert_eq!(
            &*config.topic_names().requests("orders"),
            "staging.orders.requests"
        );
    }

    #[test]
    fn all_mistakes_come_at_once() {
        let error = error(&[
            ("KAFKA_SESION_TIMEOUT_MS", "9000"),
            ("KAFKA_LINGER_MS", "soon"),
            ("KAFKA_ENABLE_AUTO_OFFSET_STORE", "1"),
            (TOPIC_PREFIX, "über/"),
        ]);
        for part in [
            "5 mistakes",
            "KAFKA_BOOTSTRAP_SERVERS: not set",
            "KAFKA_SESION_TIMEOUT_MS = \"9000\": names no property",
            "linger.ms = \"soon\"",
            "enable.auto.offset.store = \"1\"",
            "topic_prefix = \"über/\"",
        ] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }

    #[test]
    fn a_secret_is_not_told_even_where_it_is_wrong() {
        let error = error(&[
            (BOOTSTRAP, "a:9092"),
            ("KAFKA_SASL_PASWORD_TOKEN", "hunter2"),
            ("KAFKA_SSL_KEY_PEM", "hunter2"),
        ]);
        assert!(error.contains("KAFKA_SASL_PASWORD_TOKEN"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn variables_of_kubernetes_and_of_kafkas_scripts_are_left_alone() {
        let config = from(&[
            (BOOTSTRAP, "a:9092"),
            ("KAFKA_PORT", "tcp://10.0.0.1:9092"),
            ("KAFKA_PORT_9092_TCP", "tcp://10.0.0.1:9092"),
            ("KAFKA_PORT_9092_TCP_ADDR", "10.0.0.1"),
            ("KAFKA_SERVICE_HOST", "10.0.0.1"),
            ("KAFKA_SERVICE_PORT_CLIENTS", "9092"),
            ("KAFKA_HEAP_OPTS", "-Xmx1G"),
            ("KAFKA_HOME", "/opt/kafka"),
        ]);
        assert!(config.is_ok(), "{config:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_is_a_mistake_and_no_panic() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(vec![0xff]);
        let error = read([(OsString::from("KAFKA_CLIENT_ID"), value)].into_iter()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("KAFKA_CLIENT_ID: not valid UTF-8")
        );
    }
}
