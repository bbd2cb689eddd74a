//! Who reads what: balanced, and as little moved as that allows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::broker::SessionId;
use crate::transport::TopicPartition;

/// Group members and the topics each subscribes to.
pub(super) type Members = BTreeMap<SessionId, Vec<Arc<str>>>;
/// Partitions and who reads them.
pub(super) type Assignment = BTreeMap<TopicPartition, SessionId>;

/// Gives every partition somebody subscribes to a member, from what is `owned` now.
pub(super) fn assign(
    partitions: &[TopicPartition],
    members: &Members,
    owned: &Assignment,
) -> Assignment {
    let mut plan = Plan {
        members,
        load: members.keys().map(|member| (*member, 0)).collect(),
        assignment: Assignment::new(),
    };
    for partition in partitions {
        if let Some(owner) = owned.get(partition)
            && plan.reads(*owner, partition)
        {
            plan.give(partition, *owner);
        }
    }
    for partition in partitions {
        if !plan.assignment.contains_key(partition)
            && let Some(member) = plan.idlest(partition)
        {
            plan.give(partition, member);
        }
    }
    // Each move makes the loads more even, so this ends.
    while let Some((partition, to)) = plan.next_move() {
        plan.give(&partition, to);
    }
    plan.assignment
}

struct Plan<'a> {
    members: &'a Members,
    load: BTreeMap<SessionId, usize>,
    assignment: Assignment,
}

impl Plan<'_> {
    fn reads(&self, member: SessionId, partition: &TopicPartition) -> bool {
        self.members
            .get(&member)
            .is_some_and(|topics| topics.contains(&partition.topic))
    }

    fn load(&self, member: SessionId) -> usize {
        self.load.get(&member).copied().unwrap_or(0)
    }

    fn give(&mut self, partition: &TopicPartition, to: SessionId) {
        let from = self.assignment.insert(partition.clone(), to);
        *self.load.entry(to).or_default() += 1;
        if let Some(load) = from.and_then(|from| self.load.get_mut(&from)) {
            *load -= 1;
        }
    }

    fn idlest(&self, partition: &TopicPartition) -> Option<SessionId> {
        self.members
            .keys()
            .copied()
            .filter(|member| self.reads(*member, partition))
            .min_by_key(|member| (self.load(*member), *member))
    }

    /// A partition of the busiest member that can be relieved.
    fn next_move(&self) -> Option<(TopicPartition, SessionId)> {
        self.assignment
            .iter()
            .filter_map(|(partition, from)| {
                let to = self.idlest(partition)?;
                (self.load(to) + 1 < self.load(*from)).then_some((partition, *from, to))
            })
            .max_by_key(|(partition, from, _)| (self.load(*from), *from, *partition))
            .map(|(partition, _, to)| (partition.clone(), to))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn partitions(topic: &str, count: i32) -> Vec<TopicPartition> {
        let topic: Arc<str> = Arc::from(topic);
        (0..count)
            .map(|partition| TopicPartition {
                topic: Arc::clone(&topic),
                partition,
            })
            .collect()
    }

    fn members(ids: &BTreeSet<u64>) -> Members {
        ids.iter()
            .map(|id| (SessionId(*id), vec![Arc::from("t")]))
            .collect()
    }

    fn loads(assignment: &Assignment, members: &Members) -> Vec<usize> {
        members
            .keys()
            .map(|member| assignment.values().filter(|owner| *owner == member).count())
            .collect()
    }

    proptest! {
        #[test]
        fn every_partition_has_a_reader_and_no_member_two_more_than_another(
            count in 0..40,
            before in prop::collection::btree_set(0..20_u64, 0..8),
            after in prop::collection::btree_set(0..20_u64, 1..8),
        ) {
            let partitions = partitions("t", count);
            let owned = assign(&partitions, &members(&before), &Assignment::new());
            let members = members(&after);
            let assignment = assign(&partitions, &members, &owned);
            prop_assert_eq!(assignment.len(), partitions.len());
            let loads = loads(&assignment, &members);
            let spread = loads.iter().max().unwrap() - loads.iter().min().unwrap();
            prop_assert!(spread <= 1, "{loads:?}");
        }

        #[test]
        fn a_partition_moves_only_from_a_member_with_more_than_its_share(
            count in 0..40,
            before in prop::collection::btree_set(0..20_u64, 1..8),
            joins in 20..30_u64,
        ) {
            let partitions = partitions("t", count);
            let owned = assign(&partitions, &members(&before), &Assignment::new());
            let mut after = before.clone();
            after.insert(joins);
            let assignment = assign(&partitions, &members(&after), &owned);
            for (partition, owner) in &assignment {
                prop_assert!(owned[partition] == *owner || *owner == SessionId(joins));
            }
        }
    }

    #[test]
    fn members_get_only_topics_they_subscribe_to() {
        let mut all = partitions("a", 4);
        all.extend(partitions("b", 1));
        let members = Members::from([
            (SessionId(1), vec![Arc::from("a")]),
            (SessionId(2), vec![Arc::from("b")]),
        ]);
        let assignment = assign(&all, &members, &Assignment::new());
        assert_eq!(loads(&assignment, &members), [4, 1]);
    }

    #[test]
    fn a_topic_nobody_reads_is_nobodys() {
        let assignment = assign(&partitions("t", 3), &Members::new(), &Assignment::new());
        assert!(assignment.is_empty());
    }
}
