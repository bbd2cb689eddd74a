//! Which message is sent next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::rows::Row;

/// Messages of one lane are sent one after the other, each once the log has the one
/// before; those without a key have a lane each.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Lane {
    /// Of one key and one topic.
    Key(Arc<str>, Bytes),
    /// Of one message without a key.
    Alone(Arc<str>, i64),
}

impl Lane {
    pub(super) fn of(row: &Row) -> Self {
        let topic = Arc::clone(&row.topic);
        match &row.envelope.key {
            Some(key) => Self::Key(topic, key.clone()),
            None => Self::Alone(topic, row.id),
        }
    }

    pub(super) fn topic(&self) -> &Arc<str> {
        match self {
            Self::Key(topic, _) | Self::Alone(topic, _) => topic,
        }
    }
}

/// The messages that were read and are not settled.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<Lane, VecDeque<Row>>,
    /// Lanes whose first message is not sent yet.
    ready: VecDeque<Lane>,
    /// Lanes whose first message is on its way.
    under_way: BTreeSet<Lane>,
    len: usize,
}

impl Lanes {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The ids of all of them.
    pub(super) fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.lanes.values().flatten().map(|row| row.id)
    }

    /// Takes one in, behind those of its lane.
    pub(super) fn enter(&mut self, row: Row) {
        let lane = Lane::of(&row);
        let rows = self.lanes.entry(lane.clone()).or_default();
        if rows.is_empty() {
            self.ready.push_back(lane);
        }
        rows.push_back(row);
        self.len += 1;
    }

    /// The next that can be sent, which is under way from now on.
    pub(super) fn begin(&mut self) -> Option<(Lane, &Row)> {
        let lane = self.ready.pop_front()?;
        self.under_way.insert(lane.clone());
        let row = self.lanes.get(&lane)?.front()?;
        Some((lane, row))
    }

    /// The first of this lane is in the log: the next may follow.
    pub(super) fn sent(&mut self, lane: &Lane) {
        self.under_way.remove(lane);
        let Some(rows) = self.lanes.get_mut(lane) else {
            return;
        };
        self.len -= usize::from(rows.pop_front().is_some());
        if rows.is_empty() {
            self.lanes.remove(lane);
        } else {
            self.ready.push_back(lane.clone());
        }
    }

    /// The first of this lane is not in the log: the lane is forgotten, and read again.
    pub(super) fn failed(&mut self, lane: &Lane) {
        self.under_way.remove(lane);
        if let Some(rows) = self.lanes.remove(lane) {
            self.len -= rows.len();
        }
    }

    /// Nothing more of this topic is sent now: what is not under way is forgotten, and
    /// read again.
    pub(super) fn forget(&mut self, topic: &Arc<str>) {
        self.ready.retain(|lane| lane.topic() != topic);
        let (under_way, len) = (&self.under_way, &mut self.len);
        self.lanes.retain(|lane, rows| {
            if lane.topic() != topic {
                return true;
            }
            let kept = usize::from(under_way.contains(lane));
            *len -= rows.len() - kept;
            rows.truncate(kept);
            kept > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::Envelope;

    fn row(id: i64, topic: &str, key: Option<u8>) -> Row {
        let key = key.map(|key| Bytes::from(vec![key]));
        Row {
            id,
            topic: Arc::from(topic),
            envelope: Envelope {
                key,
                ..Envelope::default()
            },
        }
    }

    #[test]
    fn one_of_a_key_waits_for_the_one_before_and_others_do_not() {
        let mut lanes = Lanes::default();
        for (id, key) in [
            (1, Some(7)),
            (2, Some(7)),
            (3, None),
            (4, None),
            (5, Some(8)),
        ] {
            lanes.enter(row(id, "t", key));
        }
        let mut begun = Vec::new();
        while let Some((lane, row)) = lanes.begin() {
            begun.push((lane, row.id));
        }
        let ids: Vec<i64> = begun.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids, [1, 3, 4, 5]);
        lanes.sent(&begun[0].0);
        assert_eq!(lanes.begin().map(|(_, row)| row.id), Some(2));
    }

    #[test]
    fn a_topic_is_forgotten_but_for_what_is_under_way() {
        let mut lanes = Lanes::default();
        for (id, topic, key) in [(1, "a", Some(1)), (2, "a", Some(1)), (3, "a", Some(2))] {
            lanes.enter(row(id, topic, key));
        }
        lanes.enter(row(4, "b", Some(1)));
        let (lane, first) = lanes.begin().expect("one is ready");
        assert_eq!(first.id, 1);
        lanes.forget(&Arc::from("a"));
        let mut left: Vec<i64> = lanes.ids().collect();
        left.sort_unstable();
        assert_eq!(left, [1, 4]);
        lanes.sent(&lane);
        assert_eq!(lanes.begin().map(|(_, row)| row.id), Some(4));
        assert_eq!(lanes.len(), 1);
    }

    proptest! {
        /// What the log gets, whatever fails: each message at last, those of a key first
        /// in their order.
        #[test]
        fn the_log_has_each_key_in_order_whatever_fails(
            keys in proptest::collection::vec(proptest::option::of(0..3_u8), 1..20),
            mut fates in proptest::collection::vec(0..4_u8, 0..40),
        ) {
            let rows: Vec<Row> = (0..).zip(&keys).map(|(id, key)| row(id, "t", *key)).collect();
            let mut table: BTreeMap<i64, Row> = rows.iter().map(|row| (row.id, row.clone())).collect();
            let (mut lanes, mut log) = (Lanes::default(), Vec::new());
            while !table.is_empty() {
                let known: BTreeSet<i64> = lanes.ids().collect();
                for row in table.values().filter(|row| !known.contains(&row.id)) {
                    lanes.enter(row.clone());
                }
                prop_assert_eq!(lanes.len(), table.len());
                let (lane, id) = match lanes.begin() {
                    Some((lane, row)) => (lane, row.id),
                    None => return Err(TestCaseError::fail("nothing is ready")),
                };
                match fates.pop() {
                    Some(0) => lanes.failed(&lane),
                    // Written, and nobody knows.
                    Some(1) => { log.push(id); lanes.failed(&lane); }
                    Some(2) => { lanes.forget(lane.topic()); lanes.failed(&lane); }
                    _ => { log.push(id); table.remove(&id); lanes.sent(&lane); }
                }
            }
            for key in keys.iter().flatten() {
                let expected: Vec<i64> = (0..).zip(&keys).filter(|(_, k)| **k == Some(*key)).map(|(id, _)| id).collect();
                let mut first = Vec::new();
                for id in log.iter().filter(|id| expected.contains(id)) {
                    if !first.contains(id) { first.push(*id); }
                }
                prop_assert_eq!(first, expected);
            }
            prop_assert!(rows.iter().all(|row| log.contains(&row.id)));
        }
    }
}
