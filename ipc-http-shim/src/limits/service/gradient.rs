//! How many requests a service has room for, told by how long it takes over them.

use std::time::Duration;

use crate::config::ConcurrencyBounds;

/// What is averaged before anything is concluded from it: a single answer may take long
/// for a reason of its own.
const WINDOW: Duration = Duration::from_millis(100);
const SAMPLES: u32 = 10;

/// How many times longer than usual a round trip may take before there is said to be a
/// queue.
const TOLERANCE: f64 = 1.5;

/// The most that one window takes from the limit: half.
const STEEPEST: f64 = 0.5;

/// How much of the way to where it points the limit goes with one window.
const STEP: f64 = 0.2;

/// In what time the usual round trip follows one that is shorter: there is less of a
/// queue then than was thought.
const RECOVERING: Duration = Duration::from_secs(1);

/// How often it is tried what a round trip takes with half the limit, which is what is
/// usual then. So a queue never becomes usual, and a service that has become slower for
/// good does not stay limited to nothing.
const TRYING: Duration = Duration::from_secs(5);

/// How soon it is tried again after there was a queue: there may be more of it.
const TRYING_AGAIN: Duration = Duration::from_secs(1);

/// By how much round trips are shorter with half the limit where there is a queue.
const SHORTER: f64 = 0.9;

/// A limit that follows the round trips of a service: it sinks while they take longer
/// than usual, and rises while they do not and it is in use.
#[derive(Clone, Debug)]
pub(crate) struct Gradient {
    bounds: ConcurrencyBounds,
    limit: f64,
    /// The usual round trip in seconds.
    usual: Option<f64>,
    trial: Trial,
    window: Window,
}

/// Trying what a round trip takes with half the limit.
#[derive(Clone, Copy, Debug)]
enum Trial {
    /// From this time on.
    Due(Duration),
    /// Under way. From this time on round trips tell; until then they are of requests
    /// that went with the whole limit.
    UnderWay(Duration),
}

/// What was seen since the last conclusion.
#[derive(Clone, Copy, Debug)]
struct Window {
    began: Duration,
    samples: u32,
    /// Seconds of all round trips.
    sum: f64,
    most_under_way: usize,
}

impl Gradient {
    /// A limit that has seen nothing at `now`.
    pub(crate) fn new(bounds: ConcurrencyBounds, now: Duration) -> Self {
        let mut this = Self {
            bounds,
            limit: 0.0,
            usual: None,
            trial: Trial::Due(now),
            window: Window::at(now),
        };
        this.limit = this.within(number(bounds.initial));
        this
    }

    /// How many requests may be under way.
    pub(crate) fn limit(&self) -> usize {
        let limit = match self.trial {
            Trial::Due(_) => self.limit,
            Trial::UnderWay(_) => self.within(self.limit / 2.0),
        };
        // Within its bounds, which are such numbers.
        limit as usize
    }

    /// How long a round trip usually takes.
    pub(crate) fn usual(&self) -> Option<Duration> {
        self.usual
            .and_then(|usual| Duration::try_from_secs_f64(usual).ok())
    }

    /// Takes in that a request was answered at `now` after `round_trip`, and that
    /// `under_way` were when it was. Times count from any one point.
    pub(crate) fn answered(&mut self, now: Duration, round_trip: Duration, under_way: usize) {
        if matches!(self.trial, Trial::UnderWay(from) if now < from) {
            self.window = Window::at(now);
            return;
        }
        let window = &mut self.window;
        window.samples += 1;
        window.sum += round_trip.as_secs_f64();
        window.most_under_way = window.most_under_way.max(under_way);
        let lasted = now.saturating_sub(window.began);
        if window.samples < SAMPLES || lasted < WINDOW {
            return;
        }
        let window = std::mem::replace(window, Window::at(now));
        match self.trial {
            Trial::UnderWay(_) => self.tried(now, window.round_trip()),
            Trial::Due(at) => {
                self.learn(window.round_trip(), lasted);
                self.follow(&window);
                if now >= at {
                    self.try_half(now, window.round_trip());
                }
            }
        }
    }

    fn try_half(&mut self, now: Duration, recent: f64) {
        let settles = Duration::try_from_secs_f64(recent).unwrap_or(TRYING);
        self.trial = Trial::UnderWay(now + settles);
    }

    /// Takes in what a round trip takes with half the limit.
    fn tried(&mut self, now: Duration, recent: f64) {
        let had_queue = self.usual.is_some_and(|usual| recent < SHORTER * usual);
        let again = if had_queue { TRYING_AGAIN } else { TRYING };
        self.usual = Some(recent);
        self.trial = Trial::Due(now + again);
    }

    /// What takes less than usual becomes usual.
    fn learn(&mut self, recent: f64, lasted: Duration) {
        let usual = self.usual.unwrap_or(recent);
        let share = 1.0 - (-lasted.as_secs_f64() / RECOVERING.as_secs_f64()).exp();
        self.usual = Some(usual + share * (recent - usual).min(0.0));
    }

    fn follow(&mut self, window: &Window) {
        // Under half used, round trips say nothing about the limit.
        if number(window.most_under_way) * 2.0 < self.limit.floor() {
            return;
        }
        let recent = window.round_trip();
        let usual = self.usual.unwrap_or(recent);
        let gradient = (TOLERANCE * usual / recent).clamp(STEEPEST, 1.0);
        // Room for a short queue, without which nothing would ever be tried.
        let target = self.limit * gradient + self.limit.sqrt();
        self.limit = self.within(self.limit + STEP * (target - self.limit));
    }

    fn within(&self, limit: f64) -> f64 {
        let ConcurrencyBounds { min, max, .. } = self.bounds;
        let min = number(min.max(1));
        limit.clamp(min, number(max).max(min))
    }
}

impl Window {
    fn at(now: Duration) -> Self {
        Self {
            began: now,
            samples: 0,
            sum: 0.0,
            most_under_way: 0,
        }
    }

    /// The mean, in seconds above zero.
    fn round_trip(&self) -> f64 {
        (self.sum / f64::from(self.samples.max(1))).max(f64::MIN_POSITIVE)
    }
}

/// Exact for every number of requests there can be.
fn number(requests: usize) -> f64 {
    requests as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: ConcurrencyBounds = ConcurrencyBounds {
        initial: 100,
        min: 10,
        max: 1000,
    };

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A gradient, and the time.
    struct Run(Gradient, Duration);

    impl Run {
        fn new() -> Self {
            Self(Gradient::new(BOUNDS, Duration::ZERO), Duration::ZERO)
        }

        /// One window of answers, with this share of the limit in use.
        fn window(&mut self, round_trip: impl Fn(u32) -> Duration, used: f64) -> usize {
            let under_way = (number(self.0.limit()) * used) as usize;
            self.1 += WINDOW;
            for sample in 0..100 {
                self.0.answered(self.1, round_trip(sample), under_way);
            }
            self.0.limit()
        }

        /// The highest limit after any of so many windows.
        fn highest(&mut self, count: usize, round_trip: Duration, used: f64) -> usize {
            let windows = (0..count).map(|_| self.window(|_| round_trip, used));
            windows.max().unwrap_or_default()
        }
    }

    #[test]
    fn in_full_use_and_without_a_queue_it_rises_to_its_bound() {
        let highest = Run::new().highest(600, millis(20), 1.0);

        assert_eq!(highest, BOUNDS.max);
    }

    #[test]
    fn under_half_in_use_it_does_not_rise() {
        let highest = Run::new().highest(600, millis(20), 0.49);

        assert_eq!(highest, BOUNDS.initial);
    }

    #[test]
    fn round_trips_of_ten_times_the_length_limit_within_two_windows() {
        let mut run = Run::new();
        let before = run.highest(40, millis(20), 1.0);

        run.highest(2, millis(200), 1.0);

        let after = run.0.limit();
        assert!(after < before, "{after} < {before}");
    }

    #[test]
    fn one_slow_answer_in_twenty_does_not_pin_it_to_its_minimum() {
        let mut run = Run::new();
        let slow_ones = |sample| {
            let slow = sample % 20 == 0;
            millis(if slow { 200 } else { 20 })
        };
        let highest = (0..600).map(|_| run.window(slow_ones, 1.0)).max();

        assert_eq!(highest, Some(BOUNDS.max));
    }

    #[test]
    fn a_service_that_is_slower_for_good_is_not_kept_at_its_minimum() {
        let mut run = Run::new();
        run.highest(100, millis(20), 1.0);

        let highest = run.highest(600, millis(200), 1.0);

        assert_eq!(highest, BOUNDS.max);
    }

    #[test]
    fn nothing_is_concluded_from_few_answers() {
        let mut gradient = Gradient::new(BOUNDS, Duration::ZERO);
        for _ in 0..SAMPLES - 1 {
            gradient.answered(WINDOW, millis(20), BOUNDS.initial);
        }

        assert_eq!(gradient.limit(), BOUNDS.initial);
        assert_eq!(gradient.usual(), None);
    }

    /// A service that works on so many requests at a time, and takes 20 ms over each,
    /// in front of which is always one more. The share of its capacity that it works
    /// at, and how many wait, once some seconds have passed.
    fn before_a_queue(room: usize) -> (f64, usize) {
        const TAKES: Duration = Duration::from_millis(20);
        let mut gradient = Gradient::new(BOUNDS, Duration::ZERO);
        let (mut now, mut worked, mut waiting) = (Duration::ZERO, 0, 0);
        for turn in 0..2000 {
            now += TAKES;
            let under_way = gradient.limit();
            let answered = under_way.min(room);
            // Whoever waits, waits for as many turns as are before it.
            let round_trip = TAKES.mul_f64((number(under_way) / number(room)).max(1.0));
            for _ in 0..answered {
                gradient.answered(now, round_trip, under_way);
            }
            if turn >= 1500 {
                worked += answered;
                waiting = waiting.max(under_way.saturating_sub(room));
            }
        }
        (number(worked) / number(500 * room), waiting)
    }

    #[test]
    fn it_finds_the_room_of_a_service_and_keeps_the_queue_short() {
        for room in [20, 50, 200] {
            let (share, waiting) = before_a_queue(room);

            assert!(share >= 0.95, "{room}: {share}");
            assert!(waiting <= 2 * room, "{room}: {waiting} wait");
        }
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(
            answers in prop::collection::vec((0_u64..10_000, 0_u64..1_000, 0_usize..5_000), 0..2_000),
            min in 1_usize..100,
            more in 0_usize..1_000,
            initial in 0_usize..2_000,
        ) {
            let bounds = ConcurrencyBounds { initial, min, max: min + more };
            let mut gradient = Gradient::new(bounds, Duration::ZERO);
            let mut now = Duration::ZERO;
            for (round_trip, later, under_way) in answers {
                now += millis(later);
                gradient.answered(now, millis(round_trip), under_way);
                prop_assert!((bounds.min..=bounds.max).contains(&gradient.limit()));
            }
        }
    }
}
