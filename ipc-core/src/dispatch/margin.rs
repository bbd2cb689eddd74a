//! Before its time is over.

use std::time::Duration;

const LONGEST: Duration = Duration::from_millis(100);

/// So long before its deadline a call that waits is answered, where it has so much
/// `time`: its caller then learns more than that time has run out.
pub(crate) fn margin(time: Duration) -> Duration {
    LONGEST.min(time / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_tenth_of_the_time_and_no_more_than_the_longest() {
        let millis = Duration::from_millis;
        for (time, left) in [(0, 0), (50, 5), (1_000, 100), (60_000, 100)] {
            assert_eq!(margin(millis(time)), millis(left));
        }
    }
}
