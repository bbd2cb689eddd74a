//! Plans as YAML, in the form of the Strimzi operator's resources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use super::{Operation, Resource};
use crate::transport::TopicSpec;

pub(super) fn documents(
    topics: &[TopicSpec],
    grants: &BTreeMap<Resource, BTreeSet<Operation>>,
    principal: &str,
) -> String {
    let mut documents: Vec<String> = topics.iter().map(|spec| Topic(spec).to_string()).collect();
    if !grants.is_empty() {
        documents.push(User { grants, principal }.to_string());
    }
    documents.join("---\n")
}

struct Topic<'a>(&'a TopicSpec);

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spec = self.0;
        head(f, "KafkaTopic", &spec.name)?;
        writeln!(f, "  topicName: {}", scalar(&spec.name))?;
        writeln!(f, "  partitions: {}", spec.partitions)?;
        if spec.replication > 0 {
            writeln!(f, "  replicas: {}", spec.replication)?;
        }
        if !spec.settings.is_empty() {
            writeln!(f, "  config:")?;
        }
        for (name, value) in &spec.settings {
            writeln!(f, "    {}: {}", scalar(name), scalar(value))?;
        }
        Ok(())
    }
}

struct User<'a> {
    grants: &'a BTreeMap<Resource, BTreeSet<Operation>>,
    principal: &'a str,
}

impl fmt::Display for User<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let principal = self.principal;
        head(
            f,
            "KafkaUser",
            principal.strip_prefix("User:").unwrap_or(principal),
        )?;
        writeln!(f, "  authorization:\n    type: simple\n    acls:")?;
        for (resource, operations) in self.grants {
            let (kind, name, pattern) = match resource {
                Resource::Topic(topic) => ("topic", topic, "literal"),
                Resource::Group(group) => ("group", group, "literal"),
                Resource::TransactionalIds(prefix) => ("transactionalId", prefix, "prefix"),
            };
            let operations: Vec<String> = operations.iter().map(Operation::to_string).collect();
            writeln!(
                f,
                "      - resource: {{type: {kind}, name: {}, patternType: {pattern}}}\n        operations: [{}]",
                scalar(name),
                operations.join(", ")
            )?;
        }
        Ok(())
    }
}

fn head(f: &mut fmt::Formatter<'_>, kind: &str, name: &str) -> fmt::Result {
    let name = resource_name(name);
    writeln!(
        f,
        "apiVersion: kafka.strimzi.io/v1beta2\nkind: {kind}\nmetadata:\n  name: {name}\nspec:"
    )
}

/// A name that Kubernetes takes; the topic's own stands in `topicName`.
fn resource_name(name: &str) -> String {
    let fit = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '.') => c,
        _ => '-',
    };
    let name: String = name.chars().map(fit).collect();
    name.trim_matches(['-', '.']).to_owned()
}

/// A double-quoted scalar.
fn scalar(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_stays_one_whatever_is_in_it() {
        assert_eq!(scalar("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
    }

    #[test]
    fn a_resource_has_a_name_that_kubernetes_takes() {
        assert_eq!(resource_name("__Orders_v1.Requests"), "orders-v1.requests");
    }
}
