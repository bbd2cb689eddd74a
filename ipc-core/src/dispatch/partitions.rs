//! The partitions assigned to this instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use slab::Slab;

use super::assignment::Assignment;
use super::partition::Partition;
use crate::transport::TopicPartition;

/// Assigned partitions, by name and by assignment.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    slots: Slab<(u64, Partition)>,
    by_name: BTreeMap<TopicPartition, Assignment>,
    epochs: u64,
    /// Where the last record was from: the next is mostly from there too.
    last: Option<(TopicPartition, Assignment)>,
}

impl Partitions {
    /// Takes note of a partition. An earlier assignment of it is forgotten.
    pub(super) fn insert(&mut self, partition: Partition) -> Assignment {
        let place = partition.place.clone();
        self.remove(&place);
        self.epochs += 1;
        let epoch = self.epochs;
        let index = self.slots.insert((epoch, partition));
        let assignment = Assignment { index, epoch };
        self.by_name.insert(place, assignment);
        assignment
    }

    /// The assignment of a partition, where it has one.
    #[inline]
    pub(super) fn find(&mut self, place: &TopicPartition) -> Option<Assignment> {
        if let Some((last, assignment)) = &self.last
            && last.partition == place.partition
            && (Arc::ptr_eq(&last.topic, &place.topic) || last.topic == place.topic)
        {
            return Some(*assignment);
        }
        let assignment = *self.by_name.get(place)?;
        self.last = Some((place.clone(), assignment));
        Some(assignment)
    }

    #[inline]
    pub(super) fn get(&mut self, assignment: Assignment) -> Option<&mut Partition> {
        match self.slots.get_mut(assignment.index) {
            Some((epoch, partition)) if *epoch == assignment.epoch => Some(partition),
            _ => None,
        }
    }

    pub(super) fn named(&mut self, place: &TopicPartition) -> Option<&mut Partition> {
        let assignment = self.find(place)?;
        self.get(assignment)
    }

    pub(super) fn remove(&mut self, place: &TopicPartition) {
        self.last = None;
        if let Some(assignment) = self.by_name.remove(place) {
            self.slots.remove(assignment.index);
        }
    }

    /// The first partition of which this is so.
    pub(super) fn find_by(
        &mut self,
        mut is_sought: impl FnMut(&Partition) -> bool,
    ) -> Option<(Assignment, &mut Partition)> {
        self.assigned().find(|(_, partition)| is_sought(partition))
    }

    pub(super) fn assigned(&mut self) -> impl Iterator<Item = (Assignment, &mut Partition)> {
        self.slots.iter_mut().map(|(index, (epoch, partition))| {
            let epoch = *epoch;
            (Assignment { index, epoch }, partition)
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Partition> {
        self.slots.iter().map(|(_, (_, partition))| partition)
    }

    pub(super) fn assignments(&self) -> impl Iterator<Item = Assignment> {
        self.by_name.values().copied()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.slots.iter_mut().map(|(_, (_, partition))| partition)
    }

    /// Those that requests are sent to.
    pub(super) fn numbers(&self) -> impl Iterator<Item = i32> {
        let requests = self.iter().filter(|partition| partition.tier.is_none());
        requests.map(|partition| partition.place.partition)
    }
}
