//! A clock that is set, and breakers in the states that tests begin with.

use std::time::Duration;

use ipc_breaker::{Breaker, Outcome, Settings, State};

/// A time that only tests move.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Duration);

impl Clock {
    pub(crate) fn new() -> Self {
        // Not where clocks begin: nothing may depend on that.
        Self(Duration::from_millis(123_456))
    }

    pub(crate) fn now(&self) -> Duration {
        self.0
    }

    pub(crate) fn pass(&mut self, time: Duration) -> Duration {
        self.0 += time;
        self.0
    }
}

/// A breaker with these settings.
pub(crate) fn breaker(settings: Settings, seed: u64) -> Breaker {
    Breaker::new(settings, seed).expect("the settings make sense")
}

/// Makes a call that ends at once; whether it was made.
pub(crate) fn call(breaker: &Breaker, outcome: Outcome, clock: &Clock) -> bool {
    let Ok(permit) = breaker.acquire(clock.now()) else {
        return false;
    };
    permit.record(outcome, clock.now());
    true
}

/// Lets failures come, ten a second, until it opens.
pub(crate) fn fail_until_open(breaker: &Breaker, clock: &mut Clock) {
    for _ in 0..1000 {
        clock.pass(Duration::from_millis(100));
        call(breaker, Outcome::Failure, clock);
        if breaker.snapshot().state == State::Open {
            return;
        }
    }
    panic!("a thousand failures did not open it");
}

/// Lets time pass until a call would be a probe.
pub(crate) fn wait_until_half_open(breaker: &Breaker, clock: &mut Clock) {
    let Err(refused) = breaker.acquire(clock.now()) else {
        panic!("it is not open");
    };
    clock.pass(refused.retry_after);
}
