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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use proptest::sample::Index;
    use proptest::test_runner::TestCaseResult;
    use tokio::time::Instant;

    use super::*;
    use crate::dispatch::Limits;
    use crate::metrics::Metrics;

    const PLACES: usize = 3;

    /// What can happen to the partitions of an instance, in any order.
    #[derive(Clone, Debug)]
    enum Happens {
        /// It is given a partition, perhaps one that it has.
        Assigned(usize),
        /// It is brought the next record of a partition.
        Arrived(usize),
        /// A partition is read again from the offset that is committed.
        Rewound(usize),
        /// Some record is finished, perhaps one of an assignment that is over.
        Finished(Index),
        /// What has moved is stored.
        Stored,
        /// A partition is taken away, perhaps with records in hand.
        Revoked(usize),
    }

    fn anything() -> impl Strategy<Value = Happens> {
        prop_oneof![
            2 => (0..PLACES).prop_map(Happens::Assigned),
            8 => (0..PLACES).prop_map(Happens::Arrived),
            1 => (0..PLACES).prop_map(Happens::Rewound),
            8 => any::<Index>().prop_map(Happens::Finished),
            4 => Just(Happens::Stored),
            1 => (0..PLACES).prop_map(Happens::Revoked),
        ]
    }

    /// A log has gaps, as compaction and transactions leave them.
    fn offset_of(record: usize) -> i64 {
        (record + record / 3) as i64
    }

    /// What the log and the group know of one partition.
    #[derive(Default)]
    struct Place {
        /// The next offset to process, as the group has it.
        committed: i64,
        /// The next record that is read.
        next: usize,
        /// Records that were finished under the assignment that was in force then.
        finished: BTreeSet<i64>,
        /// The last offset that this assignment has stored.
        stored: Option<i64>,
    }

    #[derive(Default)]
    struct Scene {
        partitions: Partitions,
        moved: Vec<Assignment>,
        places: [Place; PLACES],
        /// Records in hand, of whichever assignment.
        in_hand: Vec<(Assignment, usize, i64)>,
    }

    fn name(place: usize) -> TopicPartition {
        TopicPartition {
            topic: Arc::from("orders.requests"),
            partition: place as i32,
        }
    }

    impl Scene {
        fn happens(&mut self, what: &Happens) -> TestCaseResult {
            match what {
                Happens::Assigned(place) => self.assign(*place),
                Happens::Arrived(place) => self.arrive(*place),
                Happens::Rewound(place) => self.rewind(*place),
                Happens::Finished(_) if self.in_hand.is_empty() => {}
                Happens::Finished(which) => {
                    let which = which.index(self.in_hand.len());
                    self.finish(which);
                }
                Happens::Stored => return self.store(),
                Happens::Revoked(place) => self.partitions.remove(&name(*place)),
            }
            Ok(())
        }

        fn assign(&mut self, place: usize) {
            let name = name(place);
            let metrics = Metrics::new().partition(&name.topic, name.partition);
            let partition = Partition::new(name, &Limits::default(), None, metrics);
            self.partitions.insert(partition);
            self.places[place].stored = None;
            self.rewind(place);
        }

        fn rewind(&mut self, place: usize) {
            let place = &mut self.places[place];
            let is_next = |record: &usize| offset_of(*record) >= place.committed;
            place.next = (0..).find(is_next).unwrap_or_default();
        }

        fn arrive(&mut self, place: usize) {
            let Some(assignment) = self.partitions.find(&name(place)) else {
                return;
            };
            let offset = offset_of(self.places[place].next);
            self.places[place].next += 1;
            let partition = self.partitions.get(assignment).expect("it was found");
            if partition.begin(offset, Instant::now()) {
                self.in_hand.push((assignment, place, offset));
            }
        }

        fn finish(&mut self, which: usize) {
            let (assignment, place, offset) = self.in_hand.swap_remove(which);
            if let Some(partition) = self.partitions.get(assignment) {
                self.places[place].finished.insert(offset);
                if partition.finish(offset) {
                    self.moved.push(assignment);
                }
            }
        }

        fn store(&mut self) -> TestCaseResult {
            for assignment in std::mem::take(&mut self.moved) {
                let Some(partition) = self.partitions.get(assignment) else {
                    continue;
                };
                let moved = partition.moved.take();
                let next = moved.expect("what is to be stored has moved");
                let place = &mut self.places[partition.place.partition as usize];
                prop_assert!(place.stored.is_none_or(|before| before < next));
                let passed = (0..).map(offset_of).take_while(|offset| *offset < next);
                for offset in passed {
                    prop_assert!(
                        place.finished.contains(&offset),
                        "{next} was stored before {offset} was finished"
                    );
                }
                place.stored = Some(next);
                place.committed = next;
            }
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn what_is_stored_passes_nothing_unfinished_and_never_moves_back_whatever_happens(
            schedule in prop::collection::vec(anything(), 1..400),
        ) {
            let mut scene = Scene::default();
            for what in &schedule {
                scene.happens(what)?;
            }
            // In the end everything that was begun is finished, and nothing is held back.
            while !scene.in_hand.is_empty() {
                scene.finish(0);
            }
            scene.store()?;
            for place in 0..PLACES {
                if let Some(partition) = scene.partitions.named(&name(place)) {
                    prop_assert_eq!(partition.window.len(), 0);
                    let next = partition.window.next();
                    prop_assert_eq!(next, scene.places[place].stored);
                }
            }
        }

        #[test]
        fn an_assignment_that_is_over_finds_nothing_when_its_partition_has_come_back(
            others in prop::collection::vec(0..PLACES, 0..6),
        ) {
            let mut scene = Scene::default();
            scene.assign(0);
            scene.arrive(0);
            let over = scene.partitions.find(&name(0)).expect("it is assigned");
            scene.partitions.remove(&name(0));
            for other in others {
                scene.assign(other);
            }
            scene.assign(0);
            scene.arrive(0);
            prop_assert!(scene.partitions.get(over).is_none());
            scene.finish(0);
            prop_assert!(scene.moved.is_empty());
            let current = scene.partitions.named(&name(0)).expect("it is assigned");
            prop_assert_eq!(current.window.len(), 1);
        }
    }
}
