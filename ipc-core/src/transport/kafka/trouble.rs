//! Why no broker answers, as far as librdkafka tells.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::config::KafkaConfig;
use crate::transport::TransportError;

/// An error that concerned a client as a whole.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    code: Option<Code>,
    reason: String,
}

impl Trouble {
    /// `None` for what says less than the errors that come with it.
    pub(super) fn told(error: &KafkaError, reason: &str) -> Option<Self> {
        let code = error.rdkafka_error_code();
        // Each broker has told already what it failed with.
        (code != Some(Code::AllBrokersDown)).then(|| Self {
            code,
            reason: reason.to_owned(),
        })
    }
}

/// The error of somebody who asked and got no answer in time.
pub(super) fn unanswered(
    config: &KafkaConfig,
    trouble: Option<Trouble>,
    error: &KafkaError,
) -> TransportError {
    let bootstrap = config.bootstrap();
    let (code, why) = match trouble {
        Some(trouble) => (trouble.code, trouble.reason),
        None => (None, error.to_string()),
    };
    match code {
        Some(Code::Authentication | Code::SaslAuthenticationFailed) => {
            let (who, mend) = credentials(config);
            TransportError::configuration(format!(
                "the Kafka brokers at {bootstrap} did not let us in with {who} ({why}): {mend}"
            ))
        }
        Some(Code::SSL) => TransportError::configuration(format!(
            "no TLS connection to the Kafka brokers at {bootstrap} ({why}): \
             check that ssl.ca.location or ssl.ca.pem has the authority of their certificates, \
             that these name the hosts, and that the listener speaks TLS"
        )),
        _ => TransportError::unreachable(format!(
            "no Kafka broker answered at {bootstrap} within {:?} ({why}): \
             check KAFKA_BOOTSTRAP_SERVERS and that the broker is up",
            config.startup_bound(),
        )),
    }
}

/// Who we said we are, and what to check about it.
fn credentials(config: &KafkaConfig) -> (String, &'static str) {
    let mechanism = config.mechanism();
    match config.principal() {
        Some(user) if !config.has_tokens() => (
            format!("SASL {mechanism} as user {user:?}"),
            "check sasl.username, sasl.password and that the brokers offer the mechanism",
        ),
        _ => (
            format!("SASL {mechanism}"),
            "check the token provider and that the brokers offer the mechanism",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> KafkaError {
        KafkaError::MetadataFetch(Code::BrokerTransportFailure)
    }

    fn trouble(code: Code) -> Option<Trouble> {
        Trouble::told(&KafkaError::Global(code), "what librdkafka says")
    }

    #[test]
    fn a_refusal_names_mechanism_and_user_and_never_the_password() {
        let config = KafkaConfig::new("broker:9092")
            .set("sasl.mechanism", "SCRAM-SHA-512")
            .set("sasl.username", "orders")
            .set("sasl.password", "s3cret");
        let error = unanswered(&config, trouble(Code::Authentication), &error());
        assert!(error.is_configuration());
        let error = error.to_string();
        for part in [
            "broker:9092",
            "SASL SCRAM-SHA-512 as user \"orders\"",
            "what librdkafka says",
            "check sasl.username",
        ] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_failed_handshake_is_told_apart_from_a_broker_that_is_away() {
        let config = KafkaConfig::new("broker:9092");
        let handshake = unanswered(&config, trouble(Code::SSL), &error());
        assert!(handshake.is_configuration());
        assert!(handshake.to_string().contains("ssl.ca.location"));
        let away = unanswered(&config, trouble(Code::BrokerTransportFailure), &error());
        assert!(away.is_unreachable());
    }

    #[test]
    fn that_all_brokers_are_down_does_not_hide_why() {
        assert!(trouble(Code::AllBrokersDown).is_none());
    }
}
