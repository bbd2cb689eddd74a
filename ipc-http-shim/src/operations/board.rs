//! What is known of operations, as much as there is room for.

use std::sync::Arc;
use std::time::Duration;

use hashlink::LinkedHashMap;
use ipc_core::envelope::{CorrelationId, UnixMillis};

use super::record::{Accepted, Record, Reply, made};

/// What an entry takes beside what it holds, about.
const ENTRY: usize = 256;

/// How much later than its time an answer may come: clocks differ, and the service answers
/// at the end of that time itself.
const GRACE: Duration = Duration::from_secs(10);

/// What is known of operations. Entries go in order of age, the answered ones first, so
/// that long work is not forgotten for short.
#[derive(Debug)]
pub(crate) struct Board {
    running: LinkedHashMap<CorrelationId, Arc<Accepted>>,
    running_bytes: usize,
    answered: LinkedHashMap<CorrelationId, Answered>,
    answered_bytes: usize,
    /// The bound of both together; the first may take half of it.
    room: usize,
    keep: Duration,
    /// What was made up to then may have been forgotten.
    forgotten: UnixMillis,
    evicted: u64,
}

#[derive(Debug)]
struct Answered {
    accepted: Arc<Accepted>,
    reply: Arc<Reply>,
    bytes: usize,
    /// When it is kept no longer.
    over: UnixMillis,
}

/// What became of an operation.
#[derive(Clone, Debug)]
pub(crate) enum Look {
    /// Its service has not answered yet.
    Running(Arc<Accepted>),
    /// It has.
    Answered(Arc<Accepted>, Arc<Reply>),
    /// It may have been there.
    Gone,
    /// It never was.
    Unknown,
}

/// How much is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Extent {
    pub(super) running: usize,
    pub(super) answered: usize,
    pub(super) bytes: usize,
    /// How many were forgotten for want of room.
    pub(super) evicted: u64,
}

impl Board {
    /// A board with this many bytes of room, which keeps answers for so long.
    pub(crate) fn new(room: usize, keep: Duration) -> Self {
        Self {
            running: LinkedHashMap::new(),
            running_bytes: 0,
            answered: LinkedHashMap::new(),
            answered_bytes: 0,
            room,
            keep,
            forgotten: UnixMillis(0),
            evicted: 0,
        }
    }

    /// Takes a record that was written `at` that time. Answers which operation it told
    /// something new of.
    pub(crate) fn take(
        &mut self,
        record: Record,
        at: UnixMillis,
        now: UnixMillis,
    ) -> Option<CorrelationId> {
        self.sweep(now);
        let id = match record {
            Record::Accepted(id, accepted) => {
                let is_known = self.running.contains_key(&id) || self.answered.contains_key(&id);
                if is_known {
                    return None;
                }
                if is_over(&accepted, now) {
                    self.forget(&id, now);
                    return None;
                }
                self.running_bytes += cost(&accepted);
                self.running.insert(id.clone(), Arc::new(accepted));
                id
            }
            Record::Withdrawn(id) => {
                self.stop(&id)?;
                id
            }
            Record::Answered(id, reply) => {
                // What no gateway accepted has nobody who might ask for it.
                let accepted = self.stop(&id)?;
                let over = later(at, self.keep);
                let bytes = cost(&accepted) + reply.bytes();
                if over <= now || bytes > self.room / 2 {
                    self.evicted += u64::from(over > now);
                    self.forget(&id, now);
                } else {
                    self.answered_bytes += bytes;
                    let answered = Answered {
                        accepted,
                        reply: Arc::new(reply),
                        bytes,
                        over,
                    };
                    self.answered.insert(id.clone(), answered);
                }
                id
            }
        };
        self.make_room(now);
        Some(id)
    }

    /// What became of an operation.
    pub(crate) fn look(&self, id: &CorrelationId, now: UnixMillis) -> Look {
        if let Some(answered) = self.answered.get(id) {
            let (accepted, reply) = (&answered.accepted, &answered.reply);
            return match answered.over > now {
                true => Look::Answered(Arc::clone(accepted), Arc::clone(reply)),
                false => Look::Gone,
            };
        }
        if let Some(accepted) = self.running.get(id) {
            return match is_over(accepted, now) {
                true => Look::Gone,
                false => Look::Running(Arc::clone(accepted)),
            };
        }
        // Nothing takes longer than it is kept.
        let longest = self.keep * 2 + GRACE;
        match made(id) {
            Some(made) if made <= self.forgotten || later(made, longest) <= now => Look::Gone,
            _ => Look::Unknown,
        }
    }

    pub(super) fn extent(&self) -> Extent {
        Extent {
            running: self.running.len(),
            answered: self.answered.len(),
            bytes: self.running_bytes + self.answered_bytes,
            evicted: self.evicted,
        }
    }

    fn stop(&mut self, id: &CorrelationId) -> Option<Arc<Accepted>> {
        let accepted = self.running.remove(id)?;
        self.running_bytes -= cost(&accepted);
        Some(accepted)
    }

    /// Lets go of what is over, the oldest first.
    fn sweep(&mut self, now: UnixMillis) {
        while let Some((id, accepted)) = self.running.front()
            && is_over(accepted, now)
        {
            let id = id.clone();
            self.stop(&id);
            self.forget(&id, now);
        }
        while let Some((_, answered)) = self.answered.front()
            && answered.over <= now
        {
            self.drop_answer(now);
        }
    }

    fn make_room(&mut self, now: UnixMillis) {
        while self.running_bytes > self.room / 2 {
            let Some((id, accepted)) = self.running.pop_front() else {
                break;
            };
            self.running_bytes -= cost(&accepted);
            self.evicted += 1;
            self.forget(&id, now);
        }
        while self.running_bytes + self.answered_bytes > self.room {
            if !self.drop_answer(now) {
                break;
            }
            self.evicted += 1;
        }
    }

    /// Lets go of the oldest answer, where there is one.
    fn drop_answer(&mut self, now: UnixMillis) -> bool {
        let Some((id, answered)) = self.answered.pop_front() else {
            return false;
        };
        self.answered_bytes -= answered.bytes;
        self.forget(&id, now);
        true
    }

    fn forget(&mut self, id: &CorrelationId, now: UnixMillis) {
        // An id from a clock that is ahead must not speak for those to come.
        let made = made(id).unwrap_or(UnixMillis(0)).min(now);
        self.forgotten = self.forgotten.max(made);
    }
}

fn cost(accepted: &Accepted) -> usize {
    let owner = accepted.owner.as_ref().map_or(0, String::len);
    ENTRY + accepted.route.len() + owner
}

fn is_over(accepted: &Accepted, now: UnixMillis) -> bool {
    later(UnixMillis(accepted.until), GRACE) <= now
}

fn later(from: UnixMillis, by: Duration) -> UnixMillis {
    let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    UnixMillis(from.0.saturating_add(by))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const KEEP: Duration = Duration::from_secs(60);
    const ROOM: usize = 8 * 1024;

    fn id_made_at(millis: u64) -> CorrelationId {
        let bits = fastrand::u128(..) & !(0xffff_ffff_ffff_f000 << 64);
        let bits = bits | (u128::from(millis) << 80) | (0x7000 << 64);
        CorrelationId::from(uuid::Uuid::from_u128(bits))
    }

    fn accepted(id: &CorrelationId, until: u64) -> Record {
        let accepted = Accepted {
            route: "POST /orders".to_owned(),
            until,
            owner: None,
        };
        Record::Accepted(id.clone(), accepted)
    }

    fn reply(id: &CorrelationId, bytes: usize) -> Record {
        let (head, ()) = http::Response::new(()).into_parts();
        let body = Bytes::from(vec![b'x'; bytes]);
        Record::Answered(id.clone(), Reply { head, body })
    }

    const NOW: UnixMillis = UnixMillis(1_760_000_000_000);

    fn after(seconds: u64) -> UnixMillis {
        UnixMillis(NOW.0 + seconds * 1000)
    }

    #[test]
    fn an_operation_runs_until_it_is_answered_and_goes_when_its_time_is_over() {
        let mut board = Board::new(ROOM, KEEP);
        let id = id_made_at(NOW.0);
        assert!(matches!(board.look(&id, NOW), Look::Unknown));

        board.take(accepted(&id, NOW.0 + 30_000), NOW, NOW);
        assert!(matches!(board.look(&id, after(30)), Look::Running(_)));
        assert!(matches!(board.look(&id, after(41)), Look::Gone));

        board.take(reply(&id, 10), after(5), after(5));
        assert!(matches!(board.look(&id, after(64)), Look::Answered(..)));
        assert!(matches!(board.look(&id, after(65)), Look::Gone));
        // Whatever comes next lets go of it, and it is gone all the same.
        let next = id_made_at(after(70).0);
        board.take(accepted(&next, after(90).0), after(70), after(70));
        assert_eq!(board.extent().answered, 0);
        assert!(matches!(board.look(&id, after(70)), Look::Gone));
        assert!(matches!(board.look(&next, after(70)), Look::Running(_)));
    }

    #[test]
    fn the_oldest_answers_go_for_want_of_room_and_long_work_stays() {
        let mut board = Board::new(ROOM, KEEP);
        let long = id_made_at(NOW.0);
        board.take(accepted(&long, after(50).0), NOW, NOW);
        let ids: Vec<_> = (1..=4).map(|at| id_made_at(after(at).0)).collect();
        for id in &ids {
            board.take(accepted(id, after(50).0), after(5), after(5));
            board.take(reply(id, 3000), after(5), after(5));
        }

        let extent = board.extent();
        assert_eq!((extent.running, extent.answered, extent.evicted), (1, 2, 2));
        assert!(extent.bytes <= ROOM);
        let looks = |id| board.look(id, after(5));
        assert!(matches!(looks(&ids[0]), Look::Gone));
        assert!(matches!(looks(&ids[3]), Look::Answered(..)));
        assert!(matches!(looks(&long), Look::Running(_)));
    }

    #[test]
    fn many_that_run_do_not_take_all_the_room_of_answers() {
        let mut board = Board::new(ROOM, KEEP);
        let answered = id_made_at(NOW.0);
        board.take(accepted(&answered, after(50).0), NOW, NOW);
        board.take(reply(&answered, 1000), NOW, NOW);
        for _ in 0..100 {
            let id = id_made_at(after(1).0);
            board.take(accepted(&id, after(50).0), after(1), after(1));
        }

        assert!(board.running_bytes <= ROOM / 2);
        assert!(matches!(board.look(&answered, NOW), Look::Answered(..)));
    }

    #[test]
    fn a_reply_that_there_is_no_room_for_takes_nobody_elses() {
        let mut board = Board::new(ROOM, KEEP);
        let (small, large) = (id_made_at(NOW.0), id_made_at(NOW.0));
        for (id, bytes) in [(&small, 10), (&large, ROOM)] {
            board.take(accepted(id, after(50).0), NOW, NOW);
            board.take(reply(id, bytes), NOW, NOW);
        }

        assert!(matches!(board.look(&small, NOW), Look::Answered(..)));
        assert!(matches!(board.look(&large, NOW), Look::Gone));
    }

    #[test]
    fn what_was_withdrawn_or_never_accepted_is_unknown() {
        let mut board = Board::new(ROOM, KEEP);
        let (withdrawn, never) = (id_made_at(NOW.0), id_made_at(NOW.0));
        board.take(accepted(&withdrawn, after(50).0), NOW, NOW);
        board.take(Record::Withdrawn(withdrawn.clone()), NOW, NOW);
        board.take(reply(&withdrawn, 1), NOW, NOW);
        board.take(reply(&never, 1), NOW, NOW);

        for id in [
            withdrawn,
            never,
            CorrelationId::from(Bytes::from_static(b"x")),
        ] {
            assert!(matches!(board.look(&id, NOW), Look::Unknown));
        }
        assert_eq!(board.extent().bytes, 0);
    }

    #[test]
    fn an_id_older_than_anything_is_kept_is_gone() {
        let board = Board::new(ROOM, KEEP);
        let id = id_made_at(NOW.0);
        assert!(matches!(board.look(&id, after(129)), Look::Unknown));
        assert!(matches!(board.look(&id, after(130)), Look::Gone));
    }

    #[test]
    fn an_id_from_a_clock_that_is_ahead_speaks_for_no_later_one() {
        let mut board = Board::new(ROOM, KEEP);
        let ahead = id_made_at(u64::MAX >> 16);
        board.take(accepted(&ahead, 0), NOW, NOW);
        assert!(matches!(
            board.look(&id_made_at(after(1).0), after(1)),
            Look::Unknown
        ));
    }
}
