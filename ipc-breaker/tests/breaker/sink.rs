//! Who is told of changes.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use ipc_breaker::{Change, Outcome, Settings};

use crate::support::{Clock, breaker};

/// Which of the calls of an outage and what follows pass, changes told to `sink`, and what
/// the breaker counts read where `is_read`.
fn decisions(sink: &SyncSender<Change>, is_read: bool) -> Vec<bool> {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    let calls = (0..4000).map(|call| {
        clock.pass(Duration::from_millis(10));
        let outcome = if call < 500 {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        let permit = breaker.acquire(clock.now());
        let passes = permit.is_ok();
        if let Some(change) = permit.ok().and_then(|it| it.record(outcome, clock.now())) {
            // One that is full or dead does not take it.
            let _ = sink.try_send(change);
        }
        if is_read {
            assert!(breaker.snapshot().opened <= 10);
        }
        passes
    });
    calls.collect()
}

/// (k)
#[test]
fn decisions_are_the_same_whoever_listens() {
    let (live, changes) = sync_channel(100);
    let (full, _stuck) = sync_channel(0);
    let (dead, receiver) = sync_channel(100);
    drop(receiver);

    let heard = decisions(&live, true);

    assert!(heard.contains(&false) && heard.last() == Some(&true));
    assert!(changes.try_iter().count() >= 2);
    assert_eq!(decisions(&full, false), heard);
    assert_eq!(decisions(&dead, false), heard);
}
