//! One property on its own, as librdkafka reads it.
//!
//! Librdkafka itself is asked, so that no list of its properties is kept here.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::fault::is_secret;

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

/// What is wrong with a property and what mends it; `None` if nothing is.
pub(super) fn fault(property: &str, value: &str) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_is_not_cut_silently() {
        let mend = fault("socket.timeout.ms", "10s").unwrap();
        assert!(mend.contains("librdkafka would read 10"), "{mend}");
        for good in ["10000", " 10000", "0x1000"] {
            assert_eq!(fault("socket.timeout.ms", good), None, "{good}");
        }
    }
}
