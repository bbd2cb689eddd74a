//! Librdkafka's log lines in `tracing`: at their own levels, and not too many.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::Level;

/// How many lines of one facility and level pass in one [`WINDOW`].
const BURST: u32 = 5;
/// While a broker is away librdkafka prints several lines a second.
const WINDOW: Duration = Duration::from_secs(10);

/// Where the clients of one transport log to. One limit holds for all of them,
/// because they all lose the same broker.
#[derive(Default)]
pub(super) struct Logs {
    lines: Mutex<Throttle<(Box<str>, Level)>>,
}

impl Logs {
    /// A line that librdkafka logs.
    pub(super) fn line(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.pass(level_of(level, facility, message), facility, message);
    }

    /// An error that concerns a client as a whole. All but the fatal ones are
    /// tried again by librdkafka itself.
    pub(super) fn error(&self, error: &KafkaError, reason: &str) {
        let fatal = error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal);
        let level = if fatal { Level::ERROR } else { Level::WARN };
        let code = error.rdkafka_error_code();
        let facility = code.map_or_else(|| "ERROR".to_owned(), |code| format!("{code:?}"));
        self.pass(level, &facility, reason);
    }

    fn pass(&self, level: Level, facility: &str, message: &str) {
        // Who switches librdkafka's debugging on wants every line of it.
        if level >= Level::DEBUG {
            return write(level, facility, message, None);
        }
        let line = (Box::from(facility), level);
        let admitted = self.lines.lock().admit(line, Instant::now());
        if let Some(held_back) = admitted {
            write(
                level,
                facility,
                message,
                (held_back > 0).then_some(held_back),
            );
        }
    }
}

fn level_of(level: RDKafkaLogLevel, facility: &str, message: &str) -> Level {
    use RDKafkaLogLevel as Syslog;
    match level {
        Syslog::Emerg | Syslog::Alert | Syslog::Critical | Syslog::Error => Level::ERROR,
        // One configuration serves producers and consumers: what is meant for the
        // other kind is no mistake of anybody's.
        Syslog::Warning if facility == "CONFWARN" && message.contains("will be ignored by") => {
            Level::DEBUG
        }
        Syslog::Warning => Level::WARN,
        Syslog::Notice | Syslog::Info => Level::INFO,
        Syslog::Debug => Level::DEBUG,
    }
}

fn write(level: Level, facility: &str, message: &str, held_back: Option<u64>) {
    macro_rules! at {
        ($level:ident) => {
            tracing::event!(target: "librdkafka", Level::$level, facility, held_back, "{message}")
        };
    }
    match level {
        Level::ERROR => at!(ERROR),
        Level::WARN => at!(WARN),
        Level::INFO => at!(INFO),
        Level::DEBUG => at!(DEBUG),
        Level::TRACE => at!(TRACE),
    }
}

/// Lets [`BURST`] lines of a kind pass in each [`WINDOW`] and counts the others.
struct Throttle<K> {
    kinds: HashMap<K, Window>,
}

struct Window {
    opened: Instant,
    passed: u32,
    held_back: u64,
}

impl<K> Default for Throttle<K> {
    fn default() -> Self {
        Self {
            kinds: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash> Throttle<K> {
    /// Whether a line of this kind may pass at `now`; if so, how many were held
    /// back since the last one that did.
    fn admit(&mut self, kind: K, now: Instant) -> Option<u64> {
        let window = self.kinds.entry(kind).or_insert(Window {
            opened: now,
            passed: 0,
            held_back: 0,
        });
        if now.saturating_duration_since(window.opened) >= WINDOW {
            window.opened = now;
            window.passed = 0;
        }
        if window.passed < BURST {
            window.passed += 1;
            Some(std::mem::take(&mut window.held_back))
        } else {
            window.held_back += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_passes_and_the_next_window_says_what_was_held_back() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        for _ in 0..BURST {
            assert_eq!(throttle.admit("FAIL", start), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(throttle.admit("FAIL", start + WINDOW / 2), None);
        }
        assert_eq!(throttle.admit("FAIL", start + WINDOW), Some(7));
        assert_eq!(throttle.admit("FAIL", start + WINDOW), Some(0));
    }

    #[test]
    fn one_kind_does_not_hold_back_another() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        for _ in 0..=BURST {
            throttle.admit("FAIL", start);
        }
        assert_eq!(throttle.admit("FAIL", start), None);
        assert_eq!(throttle.admit("TERMINATE", start), Some(0));
    }

    #[test]
    fn a_property_of_the_other_kind_of_client_is_no_warning() {
        let level = |message| level_of(RDKafkaLogLevel::Warning, "CONFWARN", message);
        assert_eq!(
            level(
                "property x is a consumer property and will be ignored by this producer instance"
            ),
            Level::DEBUG
        );
        assert_eq!(level("property x is deprecated: y"), Level::WARN);
    }

    proptest! {
        #[test]
        fn every_line_passes_or_is_counted_once(gaps in prop::collection::vec(0_u64..6000, 1..200)) {
            let mut now = Instant::now();
            let mut throttle = Throttle::default();
            let (mut passed, mut told) = (0, 0);
            for gap in &gaps {
                now += Duration::from_millis(*gap);
                if let Some(held_back) = throttle.admit("FAIL", now) {
                    passed += 1;
                    told += held_back;
                }
            }
            // What is still held back is told by the first line of a later window.
            told += throttle.admit("FAIL", now + WINDOW).unwrap_or(0);
            prop_assert_eq!(passed + told, gaps.len() as u64);
        }
    }
}
