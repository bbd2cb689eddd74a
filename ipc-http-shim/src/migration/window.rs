//! What was counted lately.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Counts;

/// Into how many parts a window is cut: so much of it is forgotten at once.
const SLICES: u32 = 60;

/// What was counted within the last so many minutes.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    over: Duration,
    /// The oldest first, each with its beginning.
    slices: VecDeque<(Instant, Counts)>,
}

impl Window {
    pub(crate) fn new(over: Duration) -> Self {
        Self {
            over,
            slices: VecDeque::new(),
        }
    }

    /// Adds what was counted `now`.
    pub(crate) fn add(&mut self, now: Instant, more: Counts) {
        match self.slices.back_mut() {
            Some((began, counts)) if now < *began + self.over / SLICES => {
                *counts = counts.zip(more, u64::saturating_add);
            }
            _ => self.slices.push_back((now, more)),
        }
    }

    /// What was counted within the window that ends `now`.
    pub(crate) fn total(&mut self, now: Instant) -> Counts {
        while let Some((began, _)) = self.slices.front()
            && *began + self.over < now
        {
            self.slices.pop_front();
        }
        let counts = self.slices.iter().map(|(_, counts)| *counts);
        counts.fold(Counts::default(), |sum, counts| {
            sum.zip(counts, u64::saturating_add)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OVER: Duration = Duration::from_secs(60);

    fn asked(kafka: u64) -> Counts {
        Counts {
            kafka,
            ..Counts::default()
        }
    }

    proptest! {
        #[test]
        fn what_is_within_the_window_is_counted_and_what_left_it_is_not(
            added in prop::collection::vec((0..30u64, 0..100u64), 0..50),
        ) {
            let mut now = Instant::now();
            let mut window = Window::new(OVER);
            let mut all = Vec::new();
            for (wait, kafka) in added {
                now += Duration::from_secs(wait);
                window.add(now, asked(kafka));
                all.push((now, kafka));
            }
            let total = window.total(now).kafka;
            let within = |over| -> u64 {
                let young = all.iter().filter(|(at, _)| *at + over >= now);
                young.map(|(_, kafka)| kafka).sum()
            };
            // A slice is forgotten as one.
            prop_assert!(within(OVER - OVER / SLICES) <= total);
            prop_assert!(total <= within(OVER));
            prop_assert!(window.slices.len() <= SLICES as usize + 2);
        }
    }
}
