//! What permits allocate: nothing.

use std::time::Duration;

use allocation_counter::measure;
use ipc_breaker::{Breaker, Mode, Outcome, Settings};

/// (h)
#[test]
fn permits_and_outcomes_allocate_nothing() {
    let mut settings = Settings::default();
    settings.slow = Some(Duration::from_secs(1));
    settings.mode = Mode::Observe;
    let mut now = Duration::ZERO;
    let breaker = Breaker::new(settings, 1).expect("the settings make sense");
    let mut calls = |outcomes: &[Outcome]| {
        for outcome in outcomes.iter().cycle().take(10_000) {
            now += Duration::from_millis(1);
            let permit = breaker.acquire(now).expect("it only observes");
            permit.record(*outcome, now);
        }
    };
    // Room for the probes is made with the first.
    calls(&[Outcome::NoResponder]);

    let mixed = [Outcome::Success, Outcome::Success, Outcome::Failure];
    for outcomes in [&[Outcome::Success][..], &mixed, &[Outcome::Timeout]] {
        let counted = measure(|| calls(outcomes));

        assert_eq!(counted.count_total, 0, "{outcomes:?}");
    }
}
