//! What environment and flags say over the file.

use ipc_core::transport::kafka::KafkaConfig;

/// A value from outside the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Override {
    /// The flag or environment variable, as a user writes it: `--listen`.
    pub name: String,
    /// What it was set to.
    pub value: String,
}

impl Override {
    /// A value from the flag or variable `name`.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// What environment and flags say over the file. The file is checked all the
/// same.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Overrides {
    /// Over `listen`.
    pub listen: Option<Override>,
    /// Over `admin`.
    pub admin: Option<Override>,
    /// Over `fleet`.
    pub fleet: Option<Override>,
    /// Over `topic_prefix`.
    pub topic_prefix: Option<Override>,
    /// Over `legacy`.
    pub legacy: Option<Override>,
    /// Over `timeout`.
    pub timeout: Option<Override>,
    /// Over `drain`.
    pub drain: Option<Override>,
    /// Over `[kafka]`, each with the property it sets; later ones win.
    pub kafka: Vec<(String, Override)>,
}

impl Overrides {
    /// Adds `KAFKA_TOPIC_PREFIX`, and every other variable `KAFKA_<PROPERTY>` as
    /// the librdkafka property of that name, in the way of
    /// [`KafkaConfig::property_of`].
    #[must_use]
    pub fn with_kafka_variables(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        for (name, value) in variables {
            if name == "KAFKA_TOPIC_PREFIX" {
                self.topic_prefix = Some(Override::new(name, value));
            } else if let Some(property) = KafkaConfig::property_of(&name) {
                self.kafka.push((property, Override::new(name, value)));
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Overrides;

    #[test]
    fn kafka_variables_become_properties_and_those_of_other_programs_do_not() {
        let variables = [
            ("KAFKA_BOOTSTRAP_SERVERS", "a:9092"),
            ("KAFKA_PORT", "tcp://10.0.0.1:9092"),
            ("KAFKA_PORT_9092_TCP_ADDR", "10.0.0.1"),
            ("KAFKA_SERVICE_HOST", "10.0.0.1"),
            ("KAFKA_SERVICE_PORT_BROKER", "9092"),
            ("KAFKA_LOG_LEVEL", "7"),
            ("KAFKA_HEAP_OPTS", "-Xmx1g"),
            ("KAFKA_HOME", "/opt/kafka"),
            ("KAFKA_TOPIC_PREFIX", "test."),
            ("HOME", "/"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));

        let overrides = Overrides::default().with_kafka_variables(variables);

        let properties: Vec<_> = overrides
            .kafka
            .iter()
            .map(|(property, over)| (property.as_str(), over.name.as_str(), over.value.as_str()))
            .collect();
        assert_eq!(
            properties,
            [
                ("bootstrap.servers", "KAFKA_BOOTSTRAP_SERVERS", "a:9092"),
                ("log_level", "KAFKA_LOG_LEVEL", "7"),
            ]
        );
        let prefix = overrides.topic_prefix.map(|prefix| prefix.value);
        assert_eq!(prefix.as_deref(), Some("test."));
    }
}
