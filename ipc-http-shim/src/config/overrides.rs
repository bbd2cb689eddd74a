//! What environment and flags say over the file.

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
    /// Over `[kafka]`, property and value; later ones win.
    pub kafka: Vec<(String, String)>,
}

impl Overrides {
    /// Adds `KAFKA_TOPIC_PREFIX`, and every other variable `KAFKA_<PROPERTY>` as
    /// the librdkafka property of that name with underscores for dots.
    ///
    /// Variables that Kubernetes makes for a service called `kafka`
    /// (`KAFKA_PORT_9092_TCP` and the like) and those of Kafka's own scripts
    /// (`KAFKA_HOME`, `KAFKA_HEAP_OPTS`) are left alone.
    #[must_use]
    pub fn with_kafka_variables(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        for (name, value) in variables {
            let Some(property) = name.strip_prefix("KAFKA_") else {
                continue;
            };
            if property == "TOPIC_PREFIX" {
                self.topic_prefix = Some(Override::new(name, value));
            } else if !is_foreign(property) {
                let property = property.to_ascii_lowercase().replace('_', ".");
                self.kafka.push((property, value));
            }
        }
        self
    }
}

fn is_foreign(variable: &str) -> bool {
    let kubernetes = ["PORT", "SERVICE_HOST"].contains(&variable)
        || ["PORT_", "SERVICE_PORT"]
            .iter()
            .any(|link| variable.starts_with(link));
    kubernetes || variable == "HOME" || variable.ends_with("_OPTS")
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
            ("KAFKA_HEAP_OPTS", "-Xmx1g"),
            ("KAFKA_HOME", "/opt/kafka"),
            ("KAFKA_TOPIC_PREFIX", "test."),
            ("HOME", "/"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));

        let overrides = Overrides::default().with_kafka_variables(variables);

        assert_eq!(
            overrides.kafka,
            [("bootstrap.servers".to_owned(), "a:9092".to_owned())]
        );
        let prefix = overrides.topic_prefix.map(|prefix| prefix.value);
        assert_eq!(prefix.as_deref(), Some("test."));
    }
}
