//! Topics as they are and as they should be.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Cleanup;

/// A topic that exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicState {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions it has.
    pub partitions: i32,
}

/// A topic that should exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicSpec {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions it should have.
    pub partitions: i32,
    /// Whether more partitions are a fault as well. Default: false, because
    /// partitions can be added to a topic and never taken away.
    pub exact: bool,
    /// Copies of each partition; -1 is the cluster's default.
    pub replication: i32,
    /// Topic settings by Kafka's names, `retention.ms` and the like.
    pub settings: BTreeMap<String, String>,
}

impl TopicSpec {
    /// A topic with the cluster's default replication and settings.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, partitions: i32) -> Self {
        Self {
            name: name.into(),
            partitions,
            exact: false,
            replication: -1,
            settings: BTreeMap::new(),
        }
    }

    /// Asks for exactly this many partitions, for topics that are read whole.
    #[must_use]
    pub fn exactly(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Sets one topic setting by Kafka's name.
    #[must_use]
    pub fn with(mut self, setting: &str, value: impl ToString) -> Self {
        self.settings.insert(setting.to_owned(), value.to_string());
        self
    }

    /// What is to become of its old records, where the settings say so.
    #[must_use]
    pub fn cleanup(&self) -> Option<Cleanup> {
        let setting = self.settings.get(Cleanup::SETTING)?;
        Some(Cleanup::of(setting))
    }
}
