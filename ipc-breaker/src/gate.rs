//! Who passes while a breaker finds out whether it goes better.

use super::run::Run;
use super::settings::{Settings, nanos};

/// What changes under the lock: everything but counts.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) run: Run,
    pub(super) probing: Probing,
    pub(super) ramp: Ramp,
    /// How often it has opened again without closing in between.
    pub(super) reopened: u32,
    /// The millisecond in which the window was judged last.
    pub(super) judged: Option<u64>,
}

/// The probes of one half-open epoch.
#[derive(Debug, Default)]
pub(super) struct Probing {
    under_way: Vec<Probe>,
    answered: u32,
    next: u32,
}

#[derive(Debug)]
struct Probe {
    number: u32,
    /// When it makes room for another, in nanoseconds.
    deadline: u64,
}

impl Probing {
    pub(super) fn begin(&mut self) {
        self.under_way.clear();
        self.answered = 0;
    }

    /// The number of another probe, where there is room for one; else how long the first
    /// of those that are under way has left.
    pub(super) fn admit(&mut self, at: u64, settings: &Settings) -> Result<u32, u64> {
        self.under_way.retain(|probe| probe.deadline > at);
        let most = settings.probes.saturating_sub(self.answered);
        if self.under_way.len() >= most as usize {
            let first = self.under_way.iter().map(|probe| probe.deadline).min();
            return Err(first.unwrap_or(at) - at);
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.under_way.push(Probe {
            number,
            deadline: at.saturating_add(nanos(settings.probe_deadline)),
        });
        Ok(number)
    }

    /// A probe is over, or was given up.
    pub(super) fn end(&mut self, number: u32) {
        self.under_way.retain(|probe| probe.number != number);
    }

    /// A probe was answered. Whether these are enough.
    pub(super) fn answered(&mut self, settings: &Settings) -> bool {
        self.answered += 1;
        self.answered >= settings.probes
    }
}

/// How many of a hundred calls pass, step by step.
const STEPS: [f64; 3] = [0.05, 0.25, 0.60];

/// The way from a few calls to all.
#[derive(Debug, Default)]
pub(super) struct Ramp {
    step: usize,
    /// When the step began, in nanoseconds.
    since: u64,
    /// When a call passed last.
    passed: Option<u64>,
}

impl Ramp {
    pub(super) fn begin(&mut self, at: u64) {
        *self = Self {
            since: at,
            ..Self::default()
        };
    }

    /// Whether a call passes: one of the step's share, by `draw`, and one for each
    /// `ramp_step` in any case, so that few calls come this way, too.
    pub(super) fn admits(&mut self, at: u64, draw: f64, settings: &Settings) -> bool {
        let share = STEPS.get(self.step).copied().unwrap_or(1.0);
        let is_due = self
            .passed
            .is_none_or(|passed| at >= passed.saturating_add(nanos(settings.ramp_step)));
        let passes = is_due || draw < share;
        if passes {
            self.passed = Some(at);
        }
        passes
    }

    /// A call was answered. Whether that was the last step.
    pub(super) fn answered(&mut self, at: u64, settings: &Settings) -> bool {
        if self.left(at, settings) == 0 {
            self.step += 1;
            self.since = at;
        }
        self.step >= STEPS.len()
    }

    /// How long the step has left at least, in nanoseconds.
    pub(super) fn left(&self, at: u64, settings: &Settings) -> u64 {
        let end = self.since.saturating_add(nanos(settings.ramp_step));
        end.saturating_sub(at)
    }
}
