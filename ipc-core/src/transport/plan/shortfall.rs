//! A plan against the cluster as it is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Resource, TopologyPlan, commands};
use crate::transport::{Cleanup, TopicSpec, TransportError};

/// What is found under a topic's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Found {
    /// A topic with this many partitions.
    Topic {
        /// How many.
        partitions: i32,
        /// What becomes of its old records, where that may be known.
        cleanup: Option<Cleanup>,
    },
    /// Nothing.
    Nothing,
    /// Something that we are not allowed to see.
    Forbidden,
}

/// What a cluster lacks of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shortfall {
    missing: TopologyPlan,
    foreign: Vec<Arc<str>>,
    small: Vec<(TopicSpec, i32)>,
    large: Vec<(TopicSpec, i32)>,
    cleaned: Vec<(TopicSpec, Cleanup)>,
}

impl TopologyPlan {
    /// What is missing, where `found` has what is found under each of
    /// [`topic_names`](Self::topic_names); a name that is not there counts as
    /// nothing.
    #[must_use]
    pub fn shortfall(&self, found: &BTreeMap<Arc<str>, Found>) -> Shortfall {
        let at = |name: &Arc<str>| found.get(name).copied().unwrap_or(Found::Nothing);
        let mut shortfall = Shortfall::default();
        for spec in &self.topics {
            match at(&spec.name) {
                Found::Nothing => shortfall.missing.topics.push(spec.clone()),
                Found::Topic { partitions, .. } if partitions < spec.partitions => {
                    shortfall.small.push((spec.clone(), partitions));
                }
                Found::Topic { partitions, .. } if spec.exact && partitions > spec.partitions => {
                    shortfall.large.push((spec.clone(), partitions));
                }
                Found::Topic { .. } | Found::Forbidden => {}
            }
            if let Found::Topic { cleanup, .. } = at(&spec.name)
                && let (Some(found), Some(wanted)) = (cleanup, spec.cleanup())
                && found.contradicts(wanted)
            {
                shortfall.cleaned.push((spec.clone(), found));
            }
        }
        let mut forbidden = false;
        for name in self.topic_names() {
            let ours = self.topics.iter().any(|spec| spec.name == name);
            match at(&name) {
                Found::Forbidden => {
                    forbidden = true;
                    let resource = Resource::Topic(name);
                    let operations = self.grants.get(&resource).cloned().unwrap_or_default();
                    let operations = operations.into_iter().chain([super::Operation::Describe]);
                    let missing = &mut shortfall.missing.grants;
                    missing.entry(resource).or_default().extend(operations);
                }
                Found::Nothing if !ours => shortfall.foreign.push(name),
                Found::Nothing | Found::Topic { .. } => {}
            }
        }
        // Whether a group may be joined shows only when it is, and so with transactional
        // ids, which is too late for this error: who lacks a topic most likely lacks
        // these too.
        if forbidden {
            let others = self.grants.iter().filter(|(of, _)| !of.is_topic());
            let missing = &mut shortfall.missing.grants;
            missing.extend(others.map(|(of, operations)| (of.clone(), operations.clone())));
        }
        shortfall
    }
}

impl Shortfall {
    /// Whether the plan is met.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
            && self.foreign.is_empty()
            && self.small.is_empty()
            && self.large.is_empty()
            && self.cleaned.is_empty()
    }

    /// An error that says what is missing, without the commands: the address of the
    /// cluster is not known.
    pub(crate) fn into_result(self) -> Result<(), TransportError> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(TransportError::missing_topic(self.to_string())),
        }
    }

    /// The topics and permissions that are not there.
    #[must_use]
    pub fn missing(&self) -> &TopologyPlan {
        &self.missing
    }

    /// The commands that mend it, one a line; empty where no command can.
    #[must_use]
    pub fn to_commands(&self, bootstrap: &str, principal: &str) -> String {
        let grow = self
            .small
            .iter()
            .map(|(spec, _)| commands::grow(bootstrap, spec));
        let mut commands = self.missing.to_commands(bootstrap, principal);
        commands.extend(grow);
        let wanted = self.cleaned.iter().filter_map(|(spec, _)| {
            let cleanup = spec.cleanup()?;
            Some(commands::clean_up(bootstrap, &spec.name, cleanup))
        });
        commands.extend(wanted);
        commands
    }

    /// Everything that is wrong and the commands that mend it.
    #[must_use]
    pub fn explain(&self, bootstrap: &str, principal: &str) -> String {
        let commands = self.to_commands(bootstrap, principal);
        if commands.is_empty() {
            self.to_string()
        } else {
            let commands = commands.trim_end().replace('\n', "\n  ");
            format!("{self}\nto mend it:\n  {commands}")
        }
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the cluster lacks what is needed:")?;
        for spec in &self.missing.topics {
            write!(
                f,
                "\n  topic {} is missing ({} partitions wanted)",
                spec.name, spec.partitions
            )?;
        }
        for name in &self.foreign {
            write!(
                f,
                "\n  topic {name} is missing: its owner makes it, start that first or correct the name"
            )?;
        }
        for (spec, partitions) in &self.small {
            write!(
                f,
                "\n  topic {} has {partitions} partitions, {} wanted: adding some moves keys, so stop its writers first",
                spec.name, spec.partitions
            )?;
        }
        for (spec, partitions) in &self.large {
            write!(
                f,
                "\n  topic {} has {partitions} partitions, exactly {} wanted: partitions cannot be taken away, delete it and make it again",
                spec.name, spec.partitions
            )?;
        }
        for (spec, found) in &self.cleaned {
            let Some(wanted) = spec.cleanup() else {
                continue;
            };
            let harm = match (found.compacts, wanted.compacts) {
                (true, false) => "of the records of one key all but the last are lost",
                (false, true) if wanted.deletes => "what is written again and again is kept whole",
                _ => "what it says is forgotten with time",
            };
            write!(
                f,
                "\n  topic {} has {}={found}, {wanted} wanted: {harm}",
                spec.name,
                Cleanup::SETTING
            )?;
        }
        for (resource, operations) in &self.missing.grants {
            let operations: Vec<String> = operations.iter().map(ToString::to_string).collect();
            let operations = operations.join(" and ");
            match resource {
                Resource::Topic(name) => {
                    write!(f, "\n  topic {name} may not be seen, {operations} needed")?;
                }
                Resource::Group(name) => write!(
                    f,
                    "\n  group {name}: {operations} needed, and not known to be allowed"
                )?,
                Resource::TransactionalIds(prefix) => write!(
                    f,
                    "\n  transactional ids {prefix}*: {operations} needed, and not known to be \
                     allowed"
                )?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::orders;
    use super::*;

    fn found(topics: &[(&str, Found)]) -> BTreeMap<Arc<str>, Found> {
        topics
            .iter()
            .map(|(name, found)| (Arc::from(*name), *found))
            .collect()
    }

    fn partitions(partitions: i32) -> Found {
        Found::Topic {
            partitions,
            cleanup: None,
        }
    }

    fn cleaned(policy: &str) -> Found {
        Found::Topic {
            partitions: 1,
            cleanup: Some(Cleanup::of(policy)),
        }
    }

    #[test]
    fn a_topic_that_is_cleaned_up_otherwise_is_told_with_its_mend() {
        let topic = |name, policy| TopicSpec::new(name, 1).with(Cleanup::SETTING, policy);
        let plan = TopologyPlan::new()
            .topic(topic("orders.requests", "delete"))
            .topic(topic("orders.pauses", "compact"))
            .topic(topic("orders.requests.dedup", "compact,delete"))
            .topic(TopicSpec::new("any", 1));
        let found = found(&[
            ("orders.requests", cleaned("compact")),
            ("orders.pauses", cleaned("delete")),
            ("orders.requests.dedup", cleaned("delete")),
            ("any", cleaned("compact")),
        ]);
        let told = plan.shortfall(&found).explain("a:9092", "User:orders");
        assert_eq!(
            told,
            "the cluster lacks what is needed:\n  \
             topic orders.requests has cleanup.policy=compact, delete wanted: of the records of one key all but the last are lost\n  \
             topic orders.pauses has cleanup.policy=delete, compact wanted: what it says is forgotten with time\n  \
             topic orders.requests.dedup has cleanup.policy=delete, compact,delete wanted: what is written again and again is kept whole\n\
             to mend it:\n  \
             kafka-configs.sh --bootstrap-server a:9092 --alter --entity-type topics --entity-name orders.requests --add-config cleanup.policy=delete\n  \
             kafka-configs.sh --bootstrap-server a:9092 --alter --entity-type topics --entity-name orders.pauses --add-config cleanup.policy=compact\n  \
             kafka-configs.sh --bootstrap-server a:9092 --alter --entity-type topics --entity-name orders.requests.dedup --add-config cleanup.policy=[compact,delete]"
        );
    }

    #[test]
    fn a_policy_that_may_not_be_known_is_no_shortfall() {
        let spec = TopicSpec::new("orders.requests", 1).with(Cleanup::SETTING, "delete");
        let found = found(&[("orders.requests", partitions(1))]);
        let plan = TopologyPlan::new().topic(spec);
        assert!(plan.shortfall(&found).is_empty());
    }

    #[test]
    fn a_plan_that_is_met_lacks_nothing() {
        let found = found(&[
            ("orders.requests", partitions(12)),
            ("orders.control", partitions(1)),
            ("shim.replies", partitions(3)),
        ]);
        assert!(orders().shortfall(&found).is_empty());
    }

    #[test]
    fn growth_is_no_shortfall_unless_the_number_is_exact() {
        let found = found(&[
            ("orders.requests", partitions(24)),
            ("orders.control", partitions(3)),
            ("shim.replies", partitions(3)),
        ]);
        let shortfall = orders().shortfall(&found);
        let told = shortfall.explain("a:9092", "User:orders");
        assert_eq!(
            told,
            "the cluster lacks what is needed:\n  topic orders.control has 3 partitions, exactly 1 wanted: \
             partitions cannot be taken away, delete it and make it again"
        );
    }

    #[test]
    fn everything_that_is_missing_is_told_at_once_with_its_mend() {
        let found = found(&[
            ("orders.requests", partitions(4)),
            ("orders.control", Found::Forbidden),
        ]);
        let told = orders().shortfall(&found).explain("a:9092", "User:orders");
        for part in [
            "topic orders.requests has 4 partitions, 12 wanted",
            "topic orders.control may not be seen, Describe and Read and Write needed",
            "group orders: Describe and Read needed",
            "transactional ids orders.*: Describe and Write needed",
            "topic shim.replies is missing: its owner makes it",
            "--alter --topic orders.requests --partitions 12",
            "--operation Read --operation Write --topic orders.control",
            "--operation Read --group orders",
        ] {
            assert!(told.contains(part), "{part} is not in: {told}");
        }
        assert!(!told.contains("--create"), "{told}");
    }
}
