//! A breaker that opens, and opens its way to closed again, while a call that is older
//! ends on another thread.

#[path = "../../../../ipc-breaker/src/breaker.rs"]
mod breaker;
#[path = "../../../../ipc-breaker/src/counters.rs"]
mod counters;
#[path = "../../../../ipc-breaker/src/draws.rs"]
mod draws;
#[path = "../../../../ipc-breaker/src/gate.rs"]
mod gate;
#[path = "../../../../ipc-breaker/src/judge.rs"]
mod judge;
#[path = "../../../../ipc-breaker/src/permit.rs"]
mod permit;
#[path = "../../../../ipc-breaker/src/refused.rs"]
mod refused;
#[path = "../../../../ipc-breaker/src/run.rs"]
mod run;
#[path = "../../../../ipc-breaker/src/settings.rs"]
mod settings;
mod sync;
#[path = "../../../../ipc-breaker/src/tally.rs"]
mod tally;
#[path = "../../../../ipc-breaker/src/window.rs"]
mod window;
#[path = "../../../../ipc-breaker/src/word.rs"]
mod word;

use std::time::Duration;

use loom::sync::Arc;
use loom::thread;

use breaker::Breaker;
use permit::Outcome;
use settings::Settings;
use word::State;

/// What a call that is older than the state can end as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Late {
    /// It was answered.
    Success,
    /// It failed.
    Failure,
    /// Nobody was there.
    NoResponder,
    /// It was given up.
    Cancelled,
}

/// Lets a call of the first epoch end as `late` on another thread while the breaker opens
/// and finds out by a probe that it goes better, in each schedule: in none does the call
/// change what is after its epoch.
///
/// # Panics
///
/// Where one does.
pub fn one_that_ends_late(late: Late) {
    loom::model(move || {
        let (now, at) = (Duration::ZERO, 0);
        let settings = Settings {
            window: Duration::from_secs(20),
            ..Settings::default()
        };
        let breaker = Arc::new(Breaker::new(settings, 1).expect("the settings make sense"));
        let theirs = Arc::clone(&breaker);
        let (epoch, ours) = (1, breaker.acquire(now).expect("it is closed"));
        let ending = thread::spawn(move || match late {
            Late::Success => theirs.settle(epoch, None, Outcome::Success, at, at),
            Late::Failure => theirs.settle(epoch, None, Outcome::Failure, at, at),
            Late::NoResponder => theirs.settle(epoch, None, Outcome::NoResponder, at, at),
            Late::Cancelled => {
                theirs.give_back(epoch, 0);
                None
            }
        });
        // One of both opens it, and whoever is the second changes nothing.
        ours.record(Outcome::NoResponder, now);
        let later = now + Duration::from_secs(2);
        let probe = breaker.acquire(later).expect("it is half-open");
        assert!(breaker.acquire(later).is_err());
        probe.record(Outcome::Success, later);
        let ended = ending.join();

        assert!(ended.is_ok());
        let seen = breaker.snapshot();
        assert_eq!((seen.state, seen.opened), (State::Ramping, 1));
        // What is counted of this epoch is what was recorded in it: nothing.
        assert_eq!(breaker.weighed(later).all(), 0);
    });
}
