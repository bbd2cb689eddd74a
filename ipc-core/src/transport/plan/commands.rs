//! Plans as commands of Kafka's own scripts.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Operation, Resource};
use crate::transport::{Cleanup, TopicSpec};

pub(super) fn create(bootstrap: &str, spec: &TopicSpec) -> String {
    let mut line = topics(bootstrap);
    line.add("--create --if-not-exists --topic")
        .value(&spec.name)
        .add("--partitions")
        .value(&spec.partitions.to_string());
    if spec.replication > 0 {
        line.add("--replication-factor")
            .value(&spec.replication.to_string());
    }
    for (name, value) in &spec.settings {
        line.add("--config").value(&format!("{name}={value}"));
    }
    line.end()
}

pub(super) fn grow(bootstrap: &str, spec: &TopicSpec) -> String {
    let mut line = topics(bootstrap);
    line.add("--alter --topic")
        .value(&spec.name)
        .add("--partitions")
        .value(&spec.partitions.to_string());
    line.end()
}

pub(super) fn clean_up(bootstrap: &str, topic: &str, cleanup: Cleanup) -> String {
    let mut line = Line("kafka-configs.sh --bootstrap-server".to_owned());
    // Kafka's script takes a comma for the next setting, but in brackets.
    let value = match cleanup.to_string() {
        both if both.contains(',') => format!("[{both}]"),
        one => one,
    };
    line.value(bootstrap)
        .add("--alter --entity-type topics --entity-name")
        .value(topic)
        .add("--add-config")
        .value(&format!("{}={value}", Cleanup::SETTING));
    line.end()
}

pub(super) fn allow(
    bootstrap: &str,
    principal: &str,
    resource: &Resource,
    operations: &BTreeSet<Operation>,
) -> String {
    let mut line = Line("kafka-acls.sh --bootstrap-server".to_owned());
    line.value(bootstrap)
        .add("--add --allow-principal")
        .value(principal);
    for operation in operations {
        line.add("--operation").value(&operation.to_string());
    }
    match resource {
        Resource::Topic(topic) => line.add("--topic").value(topic),
        Resource::Group(group) => line.add("--group").value(group),
        Resource::TransactionalIds(prefix) => line
            .add("--transactional-id")
            .value(prefix)
            .add("--resource-pattern-type prefixed"),
    };
    line.end()
}

fn topics(bootstrap: &str) -> Line {
    let mut line = Line("kafka-topics.sh --bootstrap-server".to_owned());
    line.value(bootstrap);
    line
}

struct Line(String);

impl Line {
    fn add(&mut self, words: &str) -> &mut Self {
        self.0.push(' ');
        self.0.push_str(words);
        self
    }

    fn value(&mut self, value: &str) -> &mut Self {
        self.add(&quoted(value))
    }

    fn end(mut self) -> String {
        self.0.push('\n');
        self.0
    }
}

/// A word that a shell takes as it is.
fn quoted(value: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:=/@[]".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(format!("'{}'", value.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_whatever_is_in_it() {
        assert_eq!(quoted("orders.requests"), "orders.requests");
        assert_eq!(quoted("User:<your principal>"), "'User:<your principal>'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
