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
    /// Adds every variable `KAFKA_<PROPERTY>` as the librdkafka property of that
    /// name with underscores for dots.
    ///
    /// The variables that Kubernetes sets in every pod beside a service called
    /// `kafka` (`KAFKA_PORT`, `KAFKA_SERVICE_HOST` and the like) are no
    /// properties and are left out.
    #[must_use]
    pub fn with_kafka_variables(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        for (name, value) in variables {
            if let Some(property) = name.strip_prefix("KAFKA_") {
                let property = property.to_ascii_lowercase().replace('_', ".");
                if !is_service_link(&property) {
                    self.kafka.push((property, value));
                }
            }
        }
        self
    }
}

fn is_service_link(property: &str) -> bool {
    property == "port" || property.starts_with("port.") || property.starts_with("service.")
}

#[cfg(test)]
mod tests {
    use super::Overrides;

    #[test]
    fn kafka_variables_become_properties_and_service_links_do_not() {
        let variables = [
            ("KAFKA_BOOTSTRAP_SERVERS", "a:9092"),
            ("KAFKA_PORT", "tcp://10.0.0.1:9092"),
            ("KAFKA_PORT_9092_TCP_ADDR", "10.0.0.1"),
            ("KAFKA_SERVICE_HOST", "10.0.0.1"),
            ("HOME", "/"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));

        let overrides = Overrides::default().with_kafka_variables(variables);

        assert_eq!(
            overrides.kafka,
            [("bootstrap.servers".to_owned(), "a:9092".to_owned())]
        );
    }
}
