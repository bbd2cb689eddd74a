//! What the calls of a window come to.

use super::breaker::Why;
use super::settings::Settings;
use super::window::{Counts, Window, lower_bound};

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Verdict {
    /// Nothing.
    Calm,
    /// So many of 256 calls are to be refused.
    Shed(u8),
    /// It is enough.
    Open(Why),
}

/// From which part of what opens a breaker on calls are refused.
const FIRST_SHED: f64 = 0.5;
/// How many of 256 calls are refused just before it opens.
const MOST_SHED: f64 = 128.0;

/// Judges a window.
pub(super) fn judge(window: &Window, settings: &Settings) -> Verdict {
    let all = window.sum();
    let failing =
        |counts: &Counts| share(counts.unanswered(), counts.all()) >= settings.failure_rate;
    let slow = |counts: &Counts| share(counts.slow, counts.answers()) >= settings.slow_rate;
    let patience = settings.buckets(settings.patience);
    let reasons = [
        (
            Why::Failures,
            window.first(|it| it.failed > 0) >= settings.buckets(settings.spread),
            lower_bound(all.failed, all.all()) / settings.failure_rate,
        ),
        (
            Why::Silence,
            window.unbroken(failing) >= patience,
            lower_bound(all.unanswered(), all.all()) / settings.failure_rate,
        ),
        (
            Why::Slow,
            window.unbroken(slow) >= patience,
            lower_bound(all.slow, all.answers()) / settings.slow_rate,
        ),
    ];
    let lasting = reasons.into_iter().filter(|(_, lasts, _)| *lasts);
    let strongest = lasting.max_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
    match strongest {
        Some((why, _, strength)) if strength >= 1.0 => Verdict::Open(why),
        Some((_, _, strength)) if strength > FIRST_SHED => Verdict::Shed(level(strength)),
        _ => Verdict::Calm,
    }
}

fn level(strength: f64) -> u8 {
    let part = (strength - FIRST_SHED) / (1.0 - FIRST_SHED);
    (part * MOST_SHED).ceil() as u8
}

fn share(hits: u64, of: u64) -> f64 {
    hits as f64 / of.max(1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sync::BUCKETS;
    use super::*;

    /// The same calls in each of the newest buckets.
    fn lasting(buckets: usize, counts: Counts) -> Window {
        let mut window = [Counts::default(); BUCKETS];
        window[..buckets].fill(counts);
        Window(window)
    }

    fn judged(window: &Window) -> Verdict {
        judge(window, &Settings::default())
    }

    const FAILED: Counts = Counts {
        answered: 0,
        slow: 0,
        failed: 1000,
        silent: 0,
    };
    const SILENT: Counts = Counts {
        answered: 0,
        slow: 0,
        failed: 0,
        silent: 1000,
    };
    const SLOW: Counts = Counts {
        answered: 0,
        slow: 1000,
        failed: 0,
        silent: 0,
    };

    #[test]
    fn failures_count_once_they_are_spread() {
        assert_eq!(judged(&lasting(2, FAILED)), Verdict::Calm);
        assert_eq!(judged(&lasting(3, FAILED)), Verdict::Open(Why::Failures));
    }

    #[test]
    fn silence_and_slowness_count_once_they_have_lasted() {
        for (counts, why) in [(SILENT, Why::Silence), (SLOW, Why::Slow)] {
            assert_eq!(judged(&lasting(7, counts)), Verdict::Calm);
            assert_eq!(judged(&lasting(8, counts)), Verdict::Open(why));
        }
    }

    #[test]
    fn shedding_grows_from_half_of_what_opens_to_half_of_the_calls() {
        let levels: Vec<Verdict> = [200, 300, 400, 490]
            .map(|failed| {
                let counts = Counts {
                    answered: 1000 - failed,
                    failed,
                    ..Counts::default()
                };
                judged(&lasting(BUCKETS, counts))
            })
            .to_vec();

        let Verdict::Shed(low) = levels[1] else {
            panic!("{levels:?}");
        };
        let Verdict::Shed(high) = levels[3] else {
            panic!("{levels:?}");
        };
        assert_eq!(levels[0], Verdict::Calm);
        assert!(low < 40 && high > 100 && high <= 128, "{levels:?}");
    }

    fn any_counts() -> impl Strategy<Value = Counts> {
        (0..100_u64, 0..100_u64, 0..100_u64, 0..100_u64).prop_map(
            |(answered, slow, failed, silent)| Counts {
                answered,
                slow,
                failed,
                silent,
            },
        )
    }

    fn severity(verdict: Verdict) -> u32 {
        match verdict {
            Verdict::Calm => 0,
            Verdict::Shed(level) => level.into(),
            Verdict::Open(_) => 1000,
        }
    }

    proptest! {
        #[test]
        fn an_answer_more_never_makes_it_worse(
            buckets in proptest::array::uniform::<_, BUCKETS>(any_counts()),
            at in 0..BUCKETS,
        ) {
            // Late answers are another kind of evidence.
            let buckets = buckets.map(|it| Counts { slow: 0, ..it });
            let mut more = buckets;
            more[at].answered += 1;

            let (before, after) = (judged(&Window(buckets)), judged(&Window(more)));

            // In a bucket that was empty it can bring no beginning either.
            prop_assert!(severity(after) <= severity(before), "{before:?} {after:?}");
        }

        #[test]
        fn without_failures_and_late_answers_it_is_calm(
            buckets in proptest::array::uniform::<_, BUCKETS>(any_counts()),
        ) {
            let buckets = buckets.map(|it| Counts { answered: it.answered, ..Counts::default() });

            prop_assert_eq!(judged(&Window(buckets)), Verdict::Calm);
        }
    }
}
