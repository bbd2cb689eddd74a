//! Whether the records of a partition may have ended the processes that had it before.

use std::collections::BTreeMap;

use super::Limits;
use super::job::Job;
use super::lives::Lives;
use super::quarantine::Quarantine;
use crate::dispatch::Guarantee;
use crate::health::StoppedConsumption;

/// What is thought of one assigned partition, and the records that wait for it.
#[derive(Debug)]
pub(super) struct Suspicion {
    stage: Stage,
    /// Records that wait, by offset.
    held: BTreeMap<i64, Job>,
    /// The one whose beginning is being written down.
    next: Option<Job>,
    lives: Lives,
    /// How many records are handled one at a time, the first time.
    span: i64,
    /// The offset from which on records are handled as ever.
    until: Option<i64>,
    /// The offset that our note is with.
    noted: Option<i64>,
    /// Whether a note is on its way to the group: no offset is stored meanwhile, so
    /// that the committed one does not go back.
    pub(super) writing: bool,
    /// What readiness is told while records are handled one at a time.
    shown: Option<StoppedConsumption>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The group has not said yet what the last owner left there.
    Asking,
    /// Nothing was left. The first record waits until it is noted that it is begun.
    Untouched,
    /// The note is on its way; everything waits.
    Noting,
    /// An owner died here: one record at a time.
    Alone,
    /// Nothing waits.
    Free,
}

/// What is to be done about the record that is next.
#[derive(Debug)]
pub(super) enum Next {
    /// It is written down that it is begun, then it is.
    Note(i64),
    /// It has ended so many processes that no handler gets it any more.
    Quarantine(Job, u32),
    /// It was none of those that may have: it is noted that everything is begun.
    Release,
}

impl Suspicion {
    pub(super) fn new(limits: &Limits) -> Self {
        let stage = match limits.quarantine {
            Quarantine::After(_) => Stage::Asking,
            Quarantine::Never => Stage::Free,
        };
        Self {
            stage,
            held: BTreeMap::new(),
            next: None,
            lives: Lives::default(),
            // No more than these were handled when the last owner died.
            span: i64::try_from(limits.concurrency).unwrap_or(i64::MAX),
            until: None,
            noted: None,
            writing: false,
            shown: None,
        }
    }

    /// Whether records are handled as ever.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.stage == Stage::Free
    }

    /// Whether this record waits for its turn. At-most-once work is not begun again, so
    /// it kills once; a nested call may be what the record before it waits for.
    pub(super) fn concerns(&self, job: &Job) -> bool {
        let once = job.record.policy.guarantee == Guarantee::AtMostOnce;
        let beside = self.stage == Stage::Alone && job.is_nested();
        !(once || beside)
    }

    pub(super) fn hold(&mut self, job: Job) {
        self.held.insert(job.offset(), job);
    }

    /// What the last owner left. True where it died.
    pub(super) fn found(&mut self, lives: Lives) -> bool {
        if self.stage != Stage::Asking {
            return false;
        }
        let died = lives.tell_of_death();
        self.stage = if died { Stage::Alone } else { Stage::Untouched };
        self.lives = lives;
        died
    }

    pub(super) fn show(&mut self, shown: StoppedConsumption) {
        self.shown = Some(shown);
    }

    /// Whether something is to be noted before the records that wait are begun.
    pub(super) fn is_to_note(&self) -> bool {
        self.stage == Stage::Untouched && !self.held.is_empty()
    }

    /// Whether a record waits for its turn alone.
    pub(super) fn is_to_go_alone(&self) -> bool {
        self.stage == Stage::Alone && !self.writing && !self.held.is_empty()
    }

    /// Takes the record whose turn it is, if it is one of these.
    pub(super) fn let_go(&mut self, is_one: impl FnOnce(&Job) -> bool) -> Option<Job> {
        let first = self.held.first_entry()?;
        is_one(first.get()).then(|| first.remove())
    }

    /// Takes the record whose turn it is, to be handled alone. The dead owner began those
    /// from `next` on, and what was parked before.
    pub(super) fn go_alone(&mut self, quarantine: Quarantine, next: i64) -> Option<Next> {
        let (offset, job) = self.held.pop_first()?;
        let doubled = self.lives.begun.saturating_sub(1).min(16);
        let span = self.span.saturating_mul(1 << doubled);
        let worst = self.lives.alone.keys().next_back().copied();
        let until = *self.until.get_or_insert_with(|| {
            let until = offset.max(next).saturating_add(span);
            worst.map_or(until, |worst| until.max(worst.saturating_add(1)))
        });
        if offset >= until {
            self.held.insert(offset, job);
            return Some(Next::Release);
        }
        let deaths = self.lives.deaths_of(offset);
        if let Quarantine::After(most) = quarantine
            && deaths >= most
        {
            return Some(Next::Quarantine(job, deaths));
        }
        self.lives.begin(offset);
        self.next = Some(job);
        Some(Next::Note(offset))
    }

    /// Everything is about to be begun at once.
    pub(super) fn begin_all(&mut self) {
        self.stage = Stage::Noting;
        self.lives.begun = self.lives.begun.saturating_add(1);
        self.shown = None;
    }

    /// A record that was begun alone has come to an end.
    pub(super) fn ended(&mut self, offset: i64) {
        self.lives.end(offset);
    }

    /// The note that is to be left at this offset. Between records that go alone there is
    /// nothing to tell of.
    pub(super) fn note(&mut self, at: i64) -> String {
        self.noted = Some(at);
        self.writing = true;
        if self.stage == Stage::Alone && self.lives.alone.is_empty() {
            return String::new();
        }
        self.lives.to_string()
    }

    /// Takes the note back; false where none is left that says anything: what is
    /// processed by now is beyond it.
    pub(super) fn take_back(&mut self, next: Option<i64>) -> Option<i64> {
        let noted = self.noted.take()?;
        let stands = next.is_none_or(|next| next <= noted);
        self.writing |= stands;
        stands.then_some(noted)
    }

    /// The note is written. Answers who goes on.
    pub(super) fn written(&mut self) -> Vec<Job> {
        self.writing = false;
        match self.stage {
            Stage::Noting => {
                self.stage = Stage::Free;
                std::mem::take(&mut self.held).into_values().collect()
            }
            _ => self.next.take().into_iter().collect(),
        }
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.held.is_empty()
    }
}
