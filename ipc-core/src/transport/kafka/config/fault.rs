//! Mistakes in a configuration, listed together.

use std::fmt;

use super::defaults::canonical;
use crate::transport::TransportError;

/// One mistake of a Kafka configuration: where, what is there, what to do. Shown
/// as `<what>: <mend>`; a secret's value never is.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault {
    /// The property or the variable.
    pub(super) name: String,
    /// What it is set to; `None` where it is not set.
    pub(super) value: Option<String>,
    /// What is wrong and what mends it.
    pub(super) mend: String,
}

impl Fault {
    pub(super) fn new(name: &str, value: Option<&str>, mend: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            mend: mend.into(),
        }
    }

    /// The property and its value, as far as it may be shown: `acks = "1"`.
    #[must_use]
    pub fn what(&self) -> String {
        match &self.value {
            Some(_) if is_secret(&self.name) => format!("{} = <secret>", self.name),
            Some(value) => format!("{} = {value:?}", self.name),
            None => self.name.clone(),
        }
    }

    /// What is wrong, and what mends it.
    #[must_use]
    pub fn mend(&self) -> &str {
        &self.mend
    }

    /// Whether it is about `property`, by any of that property's names.
    #[must_use]
    pub fn is_about(&self, property: &str) -> bool {
        self.name == canonical(property)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what(), self.mend)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({self})")
    }
}

/// Whether the value must not be shown. Rather too many than one too few.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let telling = ["password", "passphrase", "secret", "key", "token", "jaas"];
    telling.iter().any(|word| name.contains(word)) || name.ends_with("oauthbearer.config")
}

/// `Ok` without faults, else one error that lists them all.
pub(super) fn verdict(faults: &[Fault]) -> Result<(), TransportError> {
    match faults {
        [] => Ok(()),
        [fault] => Err(TransportError::configuration(format!(
            "the Kafka configuration cannot work: {fault}"
        ))),
        many => {
            let list: String = many.iter().map(|fault| format!("\n  {fault}")).collect();
            Err(TransportError::configuration(format!(
                "the Kafka configuration cannot work, {} mistakes:{list}",
                many.len()
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "sasl.password",
            "KAFKA_SASL_PASSWORD",
            "ssl.key.pem",
            "ssl.keystore.password",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "sasl.jaas.config",
        ] {
            let fault = Fault::new(name, Some("hunter2"), "wrong");
            assert!(!fault.to_string().contains("hunter2"), "{fault}");
        }
        let fault = Fault::new("sasl.username", Some("me"), "wrong");
        assert!(fault.to_string().contains("\"me\""));
    }
}
