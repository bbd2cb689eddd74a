//! When a breaker opens, and how it closes again.

use std::time::Duration;

use super::sync::BUCKETS;

/// Whether a breaker acts on what it sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mode {
    /// It refuses calls.
    #[default]
    On,
    /// It refuses none, and counts those that it would have refused: every state is gone
    /// through as if it were [`Mode::On`].
    Observe,
}

/// When a breaker opens, and how it closes again.
///
/// ```
/// use std::time::Duration;
/// use ipc_breaker::Settings;
///
/// let mut settings = Settings::default();
/// settings.slow = Some(Duration::from_millis(500));
/// assert!(settings.check().is_ok());
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Whether it acts. Default: [`Mode::On`].
    pub mode: Mode,
    /// How far back calls are weighed. Default: 10 s; at least 100 ms.
    pub window: Duration,
    /// The share of calls in the window that must be failures, with confidence (the lower
    /// bound of Wilson's interval): 4 of 4 calls show 51 %, 60 of 100 show 50 %. From half
    /// of it on a share of the calls is refused. Default: 0.5; above 0, below 1.
    pub failure_rate: f64,
    /// So many failures without an answer in between open it as well, where they are
    /// spread over time. Default: 10.
    pub consecutive: u32,
    /// Over how long failures must be spread before they count: a burst is no outage.
    /// Default: 1 s; at most seven tenths of the window.
    pub spread: Duration,
    /// For how long calls must be slow or remain without any answer before that counts:
    /// longer than the service may pause in good health. Default: 6 s; at most seven
    /// tenths of the window.
    pub patience: Duration,
    /// From when on an answer is slow. Default: `None`, none is.
    pub slow: Option<Duration>,
    /// The share of answers in the window that must be slow, with confidence.
    /// Default: 0.8; above 0, below 1.
    pub slow_rate: f64,
    /// How long it stays open at least. It doubles each time that a probe or the ramp
    /// fails. Default: 5 s.
    pub open: Duration,
    /// How much longer it stays open at random, in parts of `open`: with 3, five seconds
    /// become 5 to 20. It keeps the probes of many replicas apart. Default: 3.
    pub jitter: f64,
    /// What `open` doubles up to. Default: 20 s.
    pub longest_open: Duration,
    /// How long it stays open at least after [`NoResponder`](crate::Outcome::NoResponder),
    /// and up to twice that. Default: 500 ms.
    pub absent: Duration,
    /// How many calls pass as probes while half-open, and how many of them must be
    /// answered. Default: 1; at most 100.
    pub probes: u32,
    /// After how long a probe without an outcome makes room for another. Default: 5 s.
    pub probe_deadline: Duration,
    /// How long each step of the ramp lasts at least. Default: 1 s.
    pub ramp_step: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            window: Duration::from_secs(10),
            failure_rate: 0.5,
            consecutive: 10,
            spread: Duration::from_secs(1),
            patience: Duration::from_secs(6),
            slow: None,
            slow_rate: 0.8,
            open: Duration::from_secs(5),
            jitter: 3.0,
            longest_open: Duration::from_secs(20),
            absent: Duration::from_millis(500),
            probes: 1,
            probe_deadline: Duration::from_secs(5),
            ramp_step: Duration::from_secs(1),
        }
    }
}

/// Settings that make no sense, each with its mend.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct InvalidSettings(Vec<String>);

impl InvalidSettings {
    /// One text for each. Never empty.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.0
    }
}

const SHORTEST_WINDOW: Duration = Duration::from_millis(100);
const MOST_PROBES: u32 = 100;
/// In tenths of the window: what is waited for must fit into it, and be seen there.
const LONGEST_SPREAD: u32 = 7;

impl Settings {
    /// Whether they make sense.
    ///
    /// # Errors
    ///
    /// Every setting that does not.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        let mut faults = Vec::new();
        let mut check = |is_right: bool, fault: String| {
            if !is_right {
                faults.push(fault);
            }
        };
        check(
            self.window >= SHORTEST_WINDOW,
            format!("window {:?} is below {SHORTEST_WINDOW:?}", self.window),
        );
        for (name, share) in [
            ("failure_rate", self.failure_rate),
            ("slow_rate", self.slow_rate),
        ] {
            check(
                share > 0.0 && share < 1.0,
                format!("{name} {share} is not above 0 and below 1"),
            );
        }
        let longest = self.window * LONGEST_SPREAD / 10;
        for (name, duration) in [("spread", self.spread), ("patience", self.patience)] {
            check(
                duration <= longest,
                format!(
                    "{name} {duration:?} does not fit into the window: at most {longest:?} of \
                     {:?} do",
                    self.window
                ),
            );
        }
        for (name, duration) in [
            ("slow", self.slow.unwrap_or(Duration::MAX)),
            ("open", self.open),
            ("absent", self.absent),
            ("probe_deadline", self.probe_deadline),
            ("ramp_step", self.ramp_step),
        ] {
            check(!duration.is_zero(), format!("{name} is 0: it takes time"));
        }
        check(
            self.longest_open >= self.open,
            format!(
                "longest_open {:?} is below open {:?}",
                self.longest_open, self.open
            ),
        );
        check(
            (0.0..=1000.0).contains(&self.jitter),
            format!("jitter {} is not from 0 to 1000", self.jitter),
        );
        check(
            self.consecutive > 0,
            "consecutive is 0: an answer would open it".to_owned(),
        );
        check(
            (1..=MOST_PROBES).contains(&self.probes),
            format!("probes {} is not from 1 to {MOST_PROBES}", self.probes),
        );
        if faults.is_empty() {
            Ok(())
        } else {
            Err(InvalidSettings(faults))
        }
    }

    /// How long a bucket of the window is, in nanoseconds.
    pub(super) fn bucket(&self) -> u64 {
        nanos(self.window) / BUCKETS as u64
    }

    /// How many buckets ago something must have begun to have lasted for so long.
    pub(super) fn buckets(&self, duration: Duration) -> usize {
        let whole = nanos(duration).div_ceil(self.bucket());
        // It may have begun at the end of its bucket.
        usize::try_from(whole)
            .unwrap_or(usize::MAX)
            .saturating_add(1)
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(duration.subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense() {
        assert_eq!(Settings::default().check(), Ok(()));
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let settings = Settings {
            window: Duration::from_millis(50),
            failure_rate: 1.0,
            slow_rate: f64::NAN,
            consecutive: 0,
            slow: Some(Duration::ZERO),
            open: Duration::ZERO,
            jitter: f64::INFINITY,
            absent: Duration::ZERO,
            probes: 0,
            probe_deadline: Duration::ZERO,
            ramp_step: Duration::ZERO,
            ..Settings::default()
        };

        let invalid = settings.check().expect_err("nothing is right");

        assert_eq!(invalid.faults().len(), 13, "{invalid}");
    }

    #[test]
    fn what_lasts_for_three_buckets_began_four_ago() {
        let settings = Settings::default();

        assert_eq!(settings.buckets(Duration::from_millis(2500)), 4);
        assert_eq!(settings.buckets(Duration::ZERO), 1);
    }
}
