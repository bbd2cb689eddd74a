//! The state every transport of one cluster shares: topics, groups, consumers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::faults::{Commit, Faults, Transact};
use super::group::{Committed, Group, Moves};
use super::session::{Notice, Position, Session};
use super::topics::{Produced, Topics};
use crate::transport::{
    Event, Note, Outgoing, Placed, Places, Revocation, Start, Subscription, TopicPartition,
    TopicSpec, Transaction, TransactionError, TransportError,
};

/// How long after its process died a member is still counted as one.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);

/// How long a member needs to join a group again that has forgotten it.
const REJOIN: Duration = Duration::from_millis(100);

/// One consumer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct SessionId(pub(super) u64);

/// One [`MemoryTransport`](super::MemoryTransport).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ProcessId(u64);

pub(super) struct Broker {
    topics: Topics,
    faults: Option<Box<dyn Faults>>,
    groups: BTreeMap<Arc<str>, Group>,
    sessions: BTreeMap<SessionId, Session>,
    /// Members whose process died, in the order their sessions time out.
    dead: VecDeque<Dead>,
    /// The last id given to a process or session.
    last_id: u64,
}

struct Dead {
    times_out: Instant,
    group: Arc<str>,
    session: SessionId,
}

/// What a consumer's task does next.
pub(super) enum Step {
    Report(Event),
    /// Everything is read.
    AtEnd,
    Revoke(Vec<TopicPartition>),
    /// Until the signal, or this point in time.
    Wait(Option<Instant>),
    /// The consumer has ended.
    End,
    /// Its process was killed: nobody is told anything.
    Vanish,
}

impl Broker {
    pub(super) fn new(topics: Topics) -> Self {
        Self {
            topics,
            faults: None,
            groups: BTreeMap::new(),
            sessions: BTreeMap::new(),
            dead: VecDeque::new(),
            last_id: 0,
        }
    }

    pub(super) fn set_faults(&mut self, faults: Box<dyn Faults>) {
        self.faults = Some(faults);
    }

    pub(super) fn topics(&self) -> &Topics {
        &self.topics
    }

    pub(super) fn committed(&self, group: &str, partition: &TopicPartition) -> Option<i64> {
        self.groups.get(group)?.committed(partition)
    }

    pub(super) fn lag(&self, group: &str) -> u64 {
        let Some(group) = self.groups.get(group) else {
            return 0;
        };
        let partitions = self.topics.partitions().into_iter();
        let read = partitions.filter(|partition| group.reads(&partition.topic));
        let lag = read.filter_map(|partition| {
            let log = &self.topics.logs()[self.topics.log_of(&partition)?];
            let next = group.committed(&partition).unwrap_or(log.start());
            u64::try_from(log.end() - next).ok()
        });
        lag.sum()
    }

    /// Commits whatever a group is told, by whomever.
    pub(super) fn commit_unfenced(&mut self, group: &str, offsets: &[(TopicPartition, i64)]) {
        let Some(group) = self.groups.get_mut(group) else {
            return;
        };
        for (partition, offset) in offsets {
            let fate = self.faults.as_mut();
            let fate = fate.map_or(Commit::Apply, |faults| faults.commit(partition, *offset));
            if fate == Commit::Apply {
                group.overwrite(partition, *offset);
            }
        }
    }

    /// What the group of consumer `id` has noted with what it has committed.
    pub(super) fn notes(
        &mut self,
        id: SessionId,
        partitions: &[TopicPartition],
    ) -> Option<Vec<String>> {
        let (_, group) = self.sessions.get(&id)?.group_in(&mut self.groups)?;
        let notes = partitions.iter().map(|place| group.note(place).to_owned());
        Some(notes.collect())
    }

    pub(super) fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn new_process(&mut self) -> ProcessId {
        ProcessId(self.next_id())
    }

    pub(super) fn create_topics(&mut self, specs: &[TopicSpec]) -> Result<(), TransportError> {
        let created = self.topics.create(specs);
        let is_read = |group: &Group| specs.iter().any(|spec| group.reads(&spec.name));
        let groups = self.groups.iter().filter(|(_, group)| is_read(group));
        let groups: Vec<Arc<str>> = groups.map(|(name, _)| Arc::clone(name)).collect();
        for group in groups {
            self.rebalance(&group);
        }
        created
    }

    pub(super) fn produce(&mut self, record: &Outgoing) -> Produced {
        self.topics.produce(record, self.faults.as_deref_mut())
    }

    pub(super) fn subscribe(
        &mut self,
        process: ProcessId,
        subscription: Subscription,
        signal: Arc<Notify>,
    ) -> SessionId {
        let id = SessionId(self.next_id());
        let Subscription {
            group: name,
            topics,
        } = subscription;
        let mut session = Session::new(process, Some(Arc::clone(&name)), signal);
        for topic in &topics {
            if !self.topics.contains(topic) {
                let why = format!("topic {topic} does not exist: create it");
                session.notify(Notice::Troubled(why));
            }
        }
        self.sessions.insert(id, session);
        let group = self.groups.entry(Arc::clone(&name)).or_default();
        group.join(id, topics);
        self.rebalance(&name);
        id
    }

    pub(super) fn read(
        &mut self,
        process: ProcessId,
        from: TopicPartition,
        start: Start,
        looks_for_end: bool,
        signal: Arc<Notify>,
    ) -> Result<SessionId, TransportError> {
        let Some(index) = self.topics.log_of(&from) else {
            return Err(TransportError::missing_topic(format!(
                "partition {from} does not exist: create it"
            )));
        };
        let id = SessionId(self.next_id());
        let log = self.topics.log(index);
        let next = match start {
            Start::End => log.end(),
            Start::Beginning => log.start(),
            Start::Since(at) => log.first_since(at),
            Start::At(offset) if (log.start()..=log.end()).contains(&offset) => offset,
            Start::At(_) => log.start(),
        };
        log.watch(id, Arc::clone(&signal));
        let mut session = Session::new(process, None, signal).looking_for_end(looks_for_end);
        session.add(Position::new(from, index, next, 0));
        self.sessions.insert(id, session);
        Ok(id)
    }

    /// What the task of consumer `id` does next.
    pub(super) fn step(&mut self, id: SessionId, now: Instant) -> Step {
        self.time_sessions_out(now);
        self.rejoin(id, now);
        let Some(session) = self.sessions.get_mut(&id) else {
            return Step::Vanish;
        };
        if session.commit_is_due(now) {
            commit(session, &mut self.groups, self.faults.as_deref_mut());
        }
        match session.next_notice() {
            Some(Notice::Assigned(partitions)) => return Step::Report(Event::Assigned(partitions)),
            Some(Notice::Troubled(why)) => return Step::Report(Event::Troubled(why)),
            Some(Notice::Revoked(partitions)) => return Step::Revoke(partitions),
            Some(Notice::Lost(partitions)) => {
                let lost = Revocation::new(partitions, true, || {});
                return Step::Report(Event::Revoked(lost));
            }
            None => {}
        }
        if session.closing().is_some() {
            self.remove(id);
            return Step::End;
        }
        let records = session.fetch(self.topics.logs(), self.faults.as_deref_mut(), now);
        if !records.is_empty() {
            return Step::Report(Event::Records(records));
        }
        if session.comes_to_end(self.topics.logs()) {
            return Step::AtEnd;
        }
        let session_timeout = self.dead.front().map(|dead| dead.times_out);
        let timers = session.next_timer(now).into_iter().chain(session_timeout);
        Step::Wait(timers.min())
    }

    /// Stores and commits at once what consumer `id` has; false where it does not
    /// have all of these partitions.
    pub(super) fn commit<C: Clone + Into<Committed>>(
        &mut self,
        id: SessionId,
        offsets: &[(TopicPartition, C)],
    ) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else {
            return false;
        };
        let stored = session.store(offsets);
        stored & commit(session, &mut self.groups, self.faults.as_deref_mut())
    }

    /// Writes the records of a transaction and commits its offsets, where consumer `id`
    /// has all of these partitions.
    pub(super) fn transact(
        &mut self,
        id: SessionId,
        transaction: &Transaction,
    ) -> Result<(Transact, Places), TransactionError> {
        if !self.has_all(id, &transaction.offsets) {
            return Err(TransactionError::Fenced);
        }
        let places = self.topics.place_all(&transaction.records)?;
        let faults = self.faults.as_deref_mut();
        let fate = faults.map_or(Transact::Commit, |faults| faults.transact(transaction));
        if fate == Transact::Abort {
            return Ok((fate, Places::default()));
        }
        let written = places.into_iter().zip(&transaction.records);
        let written = written.map(|((log, partition), record)| {
            let offset = self.topics.append(log, record);
            Some(Placed { partition, offset })
        });
        let places = written.collect();
        if let Some(session) = self.sessions.get(&id)
            && let Some((_, group)) = session.group_in(&mut self.groups)
        {
            for note in &transaction.offsets {
                if let Some(since) = session.since(&note.partition) {
                    group.commit(&note.partition, since, note.into());
                }
            }
        }
        Ok((fate, places))
    }

    /// Whether consumer `id` has all of these partitions, and its group knows.
    pub(super) fn has_all(&mut self, id: SessionId, offsets: &[Note]) -> bool {
        let Some(session) = self.sessions.get(&id) else {
            return false;
        };
        let Some((_, group)) = session.group_in(&mut self.groups) else {
            return false;
        };
        let has = |partition| {
            let since = session.since(partition);
            since.is_some_and(|since| group.has_given(partition, since))
        };
        offsets.iter().all(|note| has(&note.partition))
    }

    /// Consumer `id` lets go of revoked partitions; what it stored is committed.
    pub(super) fn release(&mut self, id: SessionId, partitions: &[TopicPartition]) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        commit(session, &mut self.groups, self.faults.as_deref_mut());
        let Some((name, group)) = session.group_in(&mut self.groups) else {
            return;
        };
        for partition in partitions {
            if let Some(position) = session.remove_leaving(partition) {
                self.topics.log(position.log).unwatch(id);
                group.release(partition, position.since);
            }
        }
        self.rebalance(&name);
    }

    /// Begins the end of consumer `id`: its partitions are revoked, and it stops
    /// waiting for that at `by`.
    pub(super) fn close(&mut self, id: SessionId, by: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.close(by);
        if let Some((name, group)) = session.group_in(&mut self.groups) {
            group.leave(id);
            self.rebalance(&name);
        }
    }

    /// Removes all consumers of a process; their groups notice when the sessions
    /// time out.
    pub(super) fn kill(&mut self, process: ProcessId) {
        let times_out = Instant::now() + SESSION_TIMEOUT;
        let killed = self.sessions.iter().filter(|(_, s)| s.process() == process);
        let killed: Vec<SessionId> = killed.map(|(id, _)| *id).collect();
        for session in self.sessions.values() {
            session.wake();
        }
        for id in killed {
            if let Some(group) = self.remove(id).and_then(|session| session.into_group()) {
                self.dead.push_back(Dead {
                    times_out,
                    group,
                    session: id,
                });
            }
        }
    }

    /// The groups of a process give its partitions to others; it is not told.
    pub(super) fn expel(&mut self, process: ProcessId) {
        let members = self.sessions.iter().filter(|(_, s)| s.process() == process);
        let members: Vec<_> = members
            .filter_map(|(id, session)| Some((*id, session.group()?)))
            .collect();
        for (id, group) in members {
            if let Some(session) = self.sessions.get_mut(&id) {
                for position in session.forget_positions() {
                    self.topics.log(position.log).unwatch(id);
                }
            }
            if let Some(group) = self.groups.get_mut(&group) {
                group.evict(id);
            }
            self.rebalance(&group);
        }
    }

    /// A group forgets its commits, who owns what and its members; they are told that
    /// what they had is lost, and join again.
    pub(super) fn reset(&mut self, name: &str) {
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        let mut members = group.forget();
        for (id, session) in &mut self.sessions {
            if session.group().as_deref() != Some(name) {
                continue;
            }
            let lost = session.forget_positions();
            for position in &lost {
                self.topics.log(position.log).unwatch(*id);
            }
            if !lost.is_empty() {
                let lost = lost.into_iter().map(Position::into_partition);
                session.notify(Notice::Lost(lost.collect()));
            }
            if let Some(topics) = members.remove(id) {
                session.rejoin(topics, Instant::now() + REJOIN);
            }
        }
    }

    /// A member that its group has forgotten joins it again, once it is time.
    fn rejoin(&mut self, id: SessionId, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(topics) = session.rejoins(now) else {
            return;
        };
        if let Some((name, group)) = session.group_in(&mut self.groups) {
            group.join(id, topics);
            self.rebalance(&name);
        }
    }

    fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        for position in session.positions() {
            self.topics.log(position.log).unwatch(id);
        }
        Some(session)
    }

    fn time_sessions_out(&mut self, now: Instant) {
        while self.dead.front().is_some_and(|dead| dead.times_out <= now)
            && let Some(dead) = self.dead.pop_front()
        {
            if let Some(group) = self.groups.get_mut(&dead.group) {
                group.evict(dead.session);
            }
            self.rebalance(&dead.group);
        }
    }

    fn rebalance(&mut self, name: &str) {
        if let Some(group) = self.groups.get_mut(name) {
            let moves = group.rebalance(&self.topics.partitions());
            self.tell(name, moves);
        }
    }

    fn tell(&mut self, name: &str, moves: Moves) {
        for (id, taken) in moves.taken {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.leave(&taken);
                // Told before any record, and waited for: nothing more is read.
                session.notify(Notice::Revoked(taken));
            }
        }
        for (id, given) in moves.given {
            let Some(session) = self.sessions.get_mut(&id) else {
                continue;
            };
            for partition in &given {
                let Some(index) = self.topics.log_of(partition) else {
                    continue;
                };
                let committed = self.groups.get(name).and_then(|g| g.committed(partition));
                let log = self.topics.log(index);
                let next = log.in_range(committed.unwrap_or(log.start()));
                log.watch(id, session.signal());
                session.add(Position::new(
                    partition.clone(),
                    index,
                    next,
                    moves.generation,
                ));
            }
            session.notify(Notice::Assigned(given));
        }
    }
}

/// Commits what a consumer stored; false where a fault lost some of it, which is then
/// stored again.
fn commit(
    session: &mut Session,
    groups: &mut BTreeMap<Arc<str>, Group>,
    mut faults: Option<&mut (dyn Faults + 'static)>,
) -> bool {
    let group = session.group_in(groups);
    let mut lost = Vec::new();
    let stored: Vec<_> = session
        .take_stored()
        .map(|(partition, since, offset)| (partition.clone(), since, offset))
        .collect();
    if let Some((_, group)) = group {
        for (partition, since, offset) in stored {
            let counts = group.has_given(&partition, since);
            let fate = match faults.as_deref_mut() {
                Some(faults) if counts => faults.commit(&partition, offset.next),
                _ => Commit::Apply,
            };
            match fate {
                Commit::Apply => group.commit(&partition, since, offset),
                Commit::Lose => lost.push((partition, offset)),
            }
        }
    }
    if !lost.is_empty() {
        session.store(&lost);
    }
    lost.is_empty()
}
