//! What a window of calls shows, and how sure that is.

use super::sync::BUCKETS;

/// What became of some calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Those that were answered in time.
    pub answered: u64,
    /// Those that were answered late.
    pub slow: u64,
    /// Those that were answered with a failure.
    pub failed: u64,
    /// Those that were not answered.
    pub silent: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.answers() + self.unanswered()
    }

    /// Answers that were no failures, in time or late.
    pub(super) fn answers(&self) -> u64 {
        self.answered + self.slow
    }

    /// Failures, told or not.
    pub(super) fn unanswered(&self) -> u64 {
        self.failed + self.silent
    }
}

/// The counts of a window's buckets, the newest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window(pub(super) [Counts; BUCKETS]);

impl Window {
    pub(super) fn sum(&self) -> Counts {
        self.0.iter().fold(Counts::default(), |sum, it| Counts {
            answered: sum.answered + it.answered,
            slow: sum.slow + it.slow,
            failed: sum.failed + it.failed,
            silent: sum.silent + it.silent,
        })
    }

    /// How many buckets ago the first was that is so.
    pub(super) fn first(&self, is_so: impl Fn(&Counts) -> bool) -> usize {
        self.0.iter().rposition(is_so).unwrap_or(0)
    }

    /// For how many buckets it has been so without a break. One without calls is no
    /// break, and no beginning.
    pub(super) fn unbroken(&self, is_so: impl Fn(&Counts) -> bool) -> usize {
        let mut since = 0;
        for (age, counts) in self.0.iter().enumerate() {
            if counts.all() == 0 {
                continue;
            }
            if !is_so(counts) {
                break;
            }
            since = age;
        }
        since
    }
}

/// Standard deviations of a normal distribution: the true share is above the bound in 39
/// of 40 cases.
const Z: f64 = 1.96;

/// The lower end of Wilson's score interval: the share that `hits` of `of` calls show at
/// least, which for few calls is much less than the share of the calls themselves.
pub(super) fn lower_bound(hits: u64, of: u64) -> f64 {
    if of == 0 {
        return 0.0;
    }
    let (hits, of) = (hits as f64, of as f64);
    let share = hits / of;
    let square = Z * Z;
    let spread = Z * (share * (1.0 - share) / of + square / (4.0 * of * of)).sqrt();
    let bound = (share + square / (2.0 * of) - spread) / (1.0 + square / of);
    bound.max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_calls_show_less_than_many() {
        let shown: Vec<f64> = [1, 3, 4, 10, 100]
            .map(|of| (lower_bound(of, of) * 100.0).round())
            .to_vec();

        assert_eq!(shown, [21.0, 44.0, 51.0, 72.0, 96.0]);
    }

    #[test]
    fn what_has_been_so_goes_back_over_empty_buckets_to_a_break() {
        let bad = Counts {
            silent: 1,
            ..Counts::default()
        };
        let good = Counts {
            answered: 1,
            ..Counts::default()
        };
        let none = Counts::default();
        let mut counts = [none; BUCKETS];
        let seen = [none, bad, none, bad, good, bad];
        // Loom has fewer buckets, and does not run this.
        for (bucket, seen) in counts.iter_mut().zip(seen) {
            *bucket = seen;
        }
        let window = Window(counts);

        assert_eq!(window.unbroken(|it| it.silent > 0), 3);
        assert_eq!(window.first(|it| it.silent > 0), 5);
    }

    proptest! {
        #[test]
        fn the_bound_is_below_the_share_and_rises_with_it(
            of in 1..100_000_u64,
            part in 0.0..1.0_f64,
        ) {
            let hits = (of as f64 * part) as u64;
            let share = hits as f64 / of as f64;

            let bound = lower_bound(hits, of);

            prop_assert!((0.0..=share).contains(&bound));
            prop_assert!(lower_bound(hits + 1, of + 1) >= bound);
        }
    }
}
