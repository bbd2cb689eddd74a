//! librdkafka properties by name.

use std::collections::BTreeMap;
use std::fmt;

/// librdkafka properties by their own names. Values may be secrets and are never
/// shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KafkaProperties(BTreeMap<String, String>);

/// The property that names the cluster.
const BOOTSTRAP: &str = "bootstrap.servers";

impl KafkaProperties {
    /// Sets one property; an earlier value of it is replaced.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// The cluster's addresses, where they are set.
    #[must_use]
    pub fn bootstrap(&self) -> Option<&str> {
        self.0.get(BOOTSTRAP).map(String::as_str)
    }

    /// Every property, ordered by name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter();
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every other property, ordered by name.
    pub fn others(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(|(name, _)| *name != BOOTSTRAP)
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for KafkaProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
