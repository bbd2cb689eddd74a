//! What a service or a caller needs of its cluster, and what is missing of it.

mod commands;
mod shortfall;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::TopicSpec;
pub use shortfall::{Found, Shortfall};

/// The topics and permissions that somebody needs.
///
/// Topics that are our own are described whole and can be made; those of others
/// are only named, by what we do with them.
///
/// ```
/// use ipc_core::transport::{TopicSpec, TopologyPlan};
///
/// let plan = TopologyPlan::new()
///     .topic(TopicSpec::new("orders.requests", 12).with("retention.ms", 604_800_000))
///     .reads("orders.requests")
///     .joins("orders")
///     .writes("shim.replies");
/// print!("{}", plan.to_commands("localhost:9092", "User:orders"));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TopologyPlan {
    topics: Vec<TopicSpec>,
    grants: BTreeMap<Resource, BTreeSet<Operation>>,
}

/// What a permission is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Resource {
    Topic(Arc<str>),
    Group(Arc<str>),
    /// All transactional ids that begin so.
    TransactionalIds(Arc<str>),
}

impl Resource {
    fn is_topic(&self) -> bool {
        matches!(self, Self::Topic(_))
    }
}

/// What a permission allows, by Kafka's names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Operation {
    Describe,
    Read,
    Write,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl TopologyPlan {
    /// A plan that needs nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Needs a topic that is to be made like this.
    #[must_use]
    pub fn topic(mut self, spec: TopicSpec) -> Self {
        self.topics.push(spec);
        self
    }

    /// Needs to read a topic, which must exist.
    #[must_use]
    pub fn reads(self, topic: impl Into<Arc<str>>) -> Self {
        self.grant(Resource::Topic(topic.into()), Operation::Read)
    }

    /// Needs to write to a topic, which must exist.
    #[must_use]
    pub fn writes(self, topic: impl Into<Arc<str>>) -> Self {
        self.grant(Resource::Topic(topic.into()), Operation::Write)
    }

    /// Needs to be a member of a consumer group.
    #[must_use]
    pub fn joins(self, group: impl Into<Arc<str>>) -> Self {
        self.grant(Resource::Group(group.into()), Operation::Read)
    }

    /// Needs to commit transactions, under ids that begin with `prefix`.
    #[must_use]
    pub fn transacts(self, prefix: impl Into<Arc<str>>) -> Self {
        let ids = Resource::TransactionalIds(prefix.into());
        self.grant(ids, Operation::Write)
    }

    fn grant(mut self, resource: Resource, operation: Operation) -> Self {
        let operations = self.grants.entry(resource).or_default();
        operations.extend([Operation::Describe, operation]);
        self
    }

    /// The topics that are to be made.
    #[must_use]
    pub fn topics(&self) -> &[TopicSpec] {
        &self.topics
    }

    /// Every topic that must exist, ours and others', in no particular order.
    #[must_use]
    pub fn topic_names(&self) -> Vec<Arc<str>> {
        let ours = self.topics.iter().map(|spec| &spec.name);
        let used = self.grants.keys().filter_map(|resource| match resource {
            Resource::Topic(topic) => Some(topic),
            Resource::Group(_) | Resource::TransactionalIds(_) => None,
        });
        let names: BTreeSet<&Arc<str>> = ours.chain(used).collect();
        names.into_iter().cloned().collect()
    }

    /// Whether nothing is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.grants.is_empty()
    }

    /// The commands of Kafka's own scripts that make all of it, one a line.
    /// `principal` is `User:<name>`.
    #[must_use]
    pub fn to_commands(&self, bootstrap: &str, principal: &str) -> String {
        let topics = self
            .topics
            .iter()
            .map(|spec| commands::create(bootstrap, spec));
        let grants = self.grants.iter().map(|(resource, operations)| {
            commands::allow(bootstrap, principal, resource, operations)
        });
        topics.chain(grants).collect()
    }

    /// The same as YAML: a `KafkaTopic` for each topic and a `KafkaUser` that
    /// holds the permissions, as the Strimzi operator reads them.
    #[must_use]
    pub fn to_yaml(&self, principal: &str) -> String {
        yaml::documents(&self.topics, &self.grants, principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn orders() -> TopologyPlan {
        TopologyPlan::new()
            .topic(TopicSpec::new("orders.requests", 12).with("retention.ms", 604_800_000))
            .topic(TopicSpec::new("orders.control", 1).exactly())
            .reads("orders.requests")
            .reads("orders.control")
            .writes("orders.control")
            .writes("shim.replies")
            .joins("orders")
            .transacts("orders.")
    }

    #[test]
    fn every_topic_is_named_once() {
        let names = orders().topic_names();
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        assert_eq!(names, ["orders.control", "orders.requests", "shim.replies"]);
    }

    #[test]
    fn commands_make_topics_and_permissions() {
        let commands = orders().to_commands("a:9092,b:9092", "User:orders");
        let lines: Vec<&str> = commands.lines().collect();
        assert_eq!(
            lines,
            [
                "kafka-topics.sh --bootstrap-server a:9092,b:9092 --create --if-not-exists --topic orders.requests --partitions 12 --config retention.ms=604800000",
                "kafka-topics.sh --bootstrap-server a:9092,b:9092 --create --if-not-exists --topic orders.control --partitions 1",
                "kafka-acls.sh --bootstrap-server a:9092,b:9092 --add --allow-principal User:orders --operation Describe --operation Read --operation Write --topic orders.control",
                "kafka-acls.sh --bootstrap-server a:9092,b:9092 --add --allow-principal User:orders --operation Describe --operation Read --topic orders.requests",
                "kafka-acls.sh --bootstrap-server a:9092,b:9092 --add --allow-principal User:orders --operation Describe --operation Write --topic shim.replies",
                "kafka-acls.sh --bootstrap-server a:9092,b:9092 --add --allow-principal User:orders --operation Describe --operation Read --group orders",
                "kafka-acls.sh --bootstrap-server a:9092,b:9092 --add --allow-principal User:orders --operation Describe --operation Write --transactional-id orders. --resource-pattern-type prefixed",
            ]
        );
    }

    #[test]
    fn yaml_says_the_same() {
        let plan = TopologyPlan::new()
            .topic(TopicSpec::new("Orders_v1.requests", 12).with("cleanup.policy", "delete"))
            .reads("Orders_v1.requests")
            .transacts("orders.");
        assert_eq!(
            plan.to_yaml("User:orders"),
            r#"apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaTopic
metadata:
  name: orders-v1.requests
spec:
  topicName: "Orders_v1.requests"
  partitions: 12
  config:
    "cleanup.policy": "delete"
---
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaUser
metadata:
  name: orders
spec:
  authorization:
    type: simple
    acls:
      - resource: {type: topic, name: "Orders_v1.requests", patternType: literal}
        operations: [Describe, Read]
      - resource: {type: transactionalId, name: "orders.", patternType: prefix}
        operations: [Describe, Write]
"#
        );
    }
}
