//! A consumer group: members, who owns which partition since when, and what is
//! committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::assignor::{Assignment, Members, assign};
use super::broker::SessionId;
use crate::transport::{Note, TopicPartition};

#[derive(Default)]
pub(super) struct Group {
    /// Counts rebalances that changed something.
    generation: u64,
    members: Members,
    owners: BTreeMap<TopicPartition, Owner>,
    committed: BTreeMap<TopicPartition, Committed>,
}

/// How far a partition is processed, and what was noted with that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Committed {
    pub(super) next: i64,
    pub(super) note: Arc<str>,
}

impl From<i64> for Committed {
    fn from(next: i64) -> Self {
        let note = Arc::default();
        Self { next, note }
    }
}

impl From<&Note> for Committed {
    fn from(note: &Note) -> Self {
        let Note { next, text, .. } = note;
        let note = Arc::clone(text);
        Self { next: *next, note }
    }
}

struct Owner {
    session: SessionId,
    /// The generation that gave the partition: a commit of another is fenced.
    since: u64,
    /// Revoked, and not let go yet.
    leaving: bool,
}

/// What a rebalance asks of the members.
#[derive(Default)]
pub(super) struct Moves {
    /// The generation of what is given.
    pub(super) generation: u64,
    pub(super) given: BTreeMap<SessionId, Vec<TopicPartition>>,
    pub(super) taken: BTreeMap<SessionId, Vec<TopicPartition>>,
}

impl Group {
    pub(super) fn join(&mut self, session: SessionId, topics: Vec<Arc<str>>) {
        self.members.insert(session, topics);
    }

    /// Takes a member out; what it owns stays its own until it is released.
    pub(super) fn leave(&mut self, session: SessionId) {
        self.members.remove(&session);
    }

    /// Takes a member out together with what it owns: it is not coming back.
    pub(super) fn evict(&mut self, session: SessionId) {
        self.members.remove(&session);
        self.owners.retain(|_, owner| owner.session != session);
    }

    /// Gives a revoked partition free.
    pub(super) fn release(&mut self, partition: &TopicPartition, since: u64) {
        if let Some(owner) = self.owners.get(partition)
            && owner.since == since
        {
            self.owners.remove(partition);
        }
    }

    /// Whether the partition has not been given anew since.
    pub(super) fn has_given(&self, partition: &TopicPartition, since: u64) -> bool {
        let current = self.owners.get(partition);
        current.is_some_and(|owner| owner.since == since)
    }

    /// Commits an offset, unless the partition was given anew since.
    pub(super) fn commit(&mut self, partition: &TopicPartition, since: u64, offset: Committed) {
        if self.has_given(partition, since) {
            self.committed.insert(partition.clone(), offset);
        }
    }

    /// Commits an offset, whoever owns the partition.
    pub(super) fn overwrite(&mut self, partition: &TopicPartition, offset: i64) {
        self.committed.insert(partition.clone(), offset.into());
    }

    /// Forgets what is committed, who owns what, and its members, whom it answers.
    pub(super) fn forget(&mut self) -> Members {
        self.committed.clear();
        self.owners.clear();
        std::mem::take(&mut self.members)
    }

    pub(super) fn committed(&self, partition: &TopicPartition) -> Option<i64> {
        self.committed
            .get(partition)
            .map(|committed| committed.next)
    }

    /// What was noted with the committed offset.
    pub(super) fn note(&self, partition: &TopicPartition) -> &str {
        let committed = self.committed.get(partition);
        committed.map_or("", |committed| &committed.note)
    }

    pub(super) fn reads(&self, topic: &str) -> bool {
        self.members
            .values()
            .flatten()
            .any(|subscribed| **subscribed == *topic)
    }

    /// Moves ownership towards an even assignment of `partitions`: free ones are
    /// given at once, owned ones are taken first and given once they are released.
    pub(super) fn rebalance(&mut self, partitions: &[TopicPartition]) -> Moves {
        let target = assign(partitions, &self.members, &self.settled());
        let mut moves = Moves {
            generation: self.generation + 1,
            ..Moves::default()
        };
        for (partition, owner) in &mut self.owners {
            if !owner.leaving && target.get(partition) != Some(&owner.session) {
                owner.leaving = true;
                let taken = moves.taken.entry(owner.session).or_default();
                taken.push(partition.clone());
            }
        }
        for (partition, session) in target {
            if self.owners.contains_key(&partition) {
                continue;
            }
            let given = moves.given.entry(session).or_default();
            given.push(partition.clone());
            let owner = Owner {
                session,
                since: moves.generation,
                leaving: false,
            };
            self.owners.insert(partition, owner);
        }
        if !moves.given.is_empty() || !moves.taken.is_empty() {
            self.generation = moves.generation;
        }
        moves
    }

    /// Who keeps what, for all that is known now.
    fn settled(&self) -> Assignment {
        self.owners
            .iter()
            .filter(|(_, owner)| !owner.leaving)
            .map(|(partition, owner)| (partition.clone(), owner.session))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SessionId = SessionId(1);
    const B: SessionId = SessionId(2);

    fn topic() -> Arc<str> {
        Arc::from("t")
    }

    fn partitions(count: i32) -> Vec<TopicPartition> {
        (0..count)
            .map(|partition| TopicPartition {
                topic: topic(),
                partition,
            })
            .collect()
    }

    #[test]
    fn a_taken_partition_is_given_only_once_it_is_released() {
        let all = partitions(2);
        let mut group = Group::default();
        group.join(A, vec![topic()]);
        let first = group.rebalance(&all);
        assert_eq!(first.given[&A], all);

        group.join(B, vec![topic()]);
        let second = group.rebalance(&all);
        let moved = second.taken[&A].clone();
        assert_eq!(moved.len(), 1);
        assert!(second.given.is_empty());
        assert!(group.rebalance(&all).given.is_empty());

        group.release(&moved[0], first.generation);
        assert_eq!(group.rebalance(&all).given[&B], moved);
    }

    #[test]
    fn a_commit_of_an_old_generation_is_ignored() {
        let all = partitions(1);
        let mut group = Group::default();
        group.join(A, vec![topic()]);
        let old = group.rebalance(&all).generation;
        group.commit(&all[0], old, 3.into());

        group.evict(A);
        group.join(B, vec![topic()]);
        let new = group.rebalance(&all).generation;
        group.commit(&all[0], old, 7.into());
        assert_eq!(group.committed(&all[0]), Some(3));
        group.commit(&all[0], new, 5.into());
        assert_eq!(group.committed(&all[0]), Some(5));
    }

    #[test]
    fn what_a_leaving_member_owned_is_taken_from_it() {
        let all = partitions(1);
        let mut group = Group::default();
        group.join(A, vec![topic()]);
        group.rebalance(&all);
        group.leave(A);
        let moves = group.rebalance(&all);
        assert_eq!(moves.taken[&A], all);
        assert!(moves.given.is_empty());
    }
}
