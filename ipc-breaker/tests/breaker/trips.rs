//! What opens a breaker, and what does not.

use std::time::Duration;

use ipc_breaker::{Breaker, Change, Outcome, Reason, Settings, State, Why};

use crate::support::{Clock, breaker, call};

fn is_closed(breaker: &Breaker) -> bool {
    breaker.snapshot().state == State::Closed
}

/// (d)
#[test]
fn total_failure_after_a_million_answers_opens_within_twenty_calls_or_a_window() {
    for outcome in [Outcome::Failure, Outcome::Timeout] {
        for rate in [1, 10, 1000, 50_000] {
            let mut clock = Clock::new();
            let breaker = breaker(Settings::default(), 1);
            let pause = Duration::from_secs(1) / rate;
            for _ in 0..1_000_000 {
                clock.pass(pause);
                assert!(call(&breaker, Outcome::Success, &clock));
            }
            let (began, mut calls) = (clock.now(), 0);
            while breaker.snapshot().state != State::Open {
                clock.pass(pause);
                calls += 1;
                call(&breaker, outcome, &clock);
                let took = clock.now() - began;
                assert!(
                    calls <= 20 || took <= breaker.settings().window,
                    "{calls} calls and {took:?} of {outcome:?} at {rate} a second"
                );
            }
        }
    }
}

/// (e)
#[test]
fn one_failure_at_one_call_a_second_never_opens() {
    for failing in 0..30 {
        let mut clock = Clock::new();
        let breaker = breaker(Settings::default(), 1);
        for second in 0..60 {
            clock.pass(Duration::from_secs(1));
            let outcome = if second == failing {
                Outcome::Failure
            } else {
                Outcome::Success
            };
            assert!(call(&breaker, outcome, &clock));
            assert!(is_closed(&breaker), "second {second}, failure {failing}");
        }
    }
}

/// (f)
#[test]
fn five_percent_of_failures_at_fifty_thousand_a_second_leave_it_closed() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    for _ in 0..50_000 * 60 {
        clock.pass(Duration::from_micros(20));
        let outcome = if random.u32(..100) < 5 {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        assert!(call(&breaker, outcome, &clock));
    }
    assert!(is_closed(&breaker));
    assert_eq!(breaker.snapshot().opened, 0);
}

/// (g)
#[test]
fn tenfold_latency_opens_within_two_windows() {
    let mut settings = Settings::default();
    settings.slow = Some(Duration::from_millis(100));
    let mut clock = Clock::new();
    let breaker = breaker(settings, 1);
    let call_taking = |clock: &mut Clock, latency: Duration| {
        let permit = breaker.acquire(clock.now()).ok()?;
        permit.record(Outcome::Success, clock.pass(latency))
    };
    for _ in 0..1000 {
        assert_eq!(call_taking(&mut clock, Duration::from_millis(20)), None);
    }

    let began = clock.now();
    let change = loop {
        let took = clock.now() - began;
        assert!(
            took <= 2 * breaker.settings().window,
            "closed after {took:?}"
        );
        if let Some(change) = call_taking(&mut clock, Duration::from_millis(200)) {
            break change;
        }
    };

    assert!(
        matches!(change, Change::Opened { why: Why::Slow, .. }),
        "{change:?}"
    );
}

#[test]
fn a_burst_of_failures_is_no_outage() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    for _ in 0..900 {
        clock.pass(Duration::from_millis(1));
        assert!(call(&breaker, Outcome::Failure, &clock));
    }
    assert!(is_closed(&breaker));
}

#[test]
fn that_nobody_is_there_opens_it_at_once_and_shortly() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);

    assert!(call(&breaker, Outcome::NoResponder, &clock));

    let refused = breaker.acquire(clock.now()).expect_err("it is open");
    assert_eq!(refused.reason, Reason::Open);
    assert!(refused.retry_after <= Duration::from_secs(1));
    clock.pass(refused.retry_after);
    assert!(call(&breaker, Outcome::Success, &clock));
    assert_eq!(breaker.snapshot().state, State::Ramping);
}

#[test]
fn calls_that_are_given_up_say_nothing() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    for _ in 0..1000 {
        clock.pass(Duration::from_millis(100));
        drop(breaker.acquire(clock.now()));
    }
    assert!(is_closed(&breaker));
}

#[test]
fn outcomes_of_calls_from_before_it_opened_change_nothing() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    let early: Vec<_> = (0..100)
        .map(|_| breaker.acquire(clock.now()).expect("it is closed"))
        .collect();
    call(&breaker, Outcome::NoResponder, &clock);
    clock.pass(Duration::from_secs(1));
    let probe = breaker.acquire(clock.now()).expect("it is the probe");

    for permit in early {
        assert_eq!(permit.record(Outcome::NoResponder, clock.now()), None);
    }

    assert_eq!(breaker.snapshot().state, State::HalfOpen);
    probe.record(Outcome::Success, clock.now());
    assert_eq!(breaker.snapshot().state, State::Ramping);
}

#[test]
fn a_share_of_calls_is_refused_before_it_opens_and_none_once_it_is_calm() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    let (mut made, mut refused) = (0_u32, 0_u32);
    for _ in 0..20_000 {
        clock.pass(Duration::from_millis(1));
        let outcome = if random.u32(..100) < 40 {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        if call(&breaker, outcome, &clock) {
            made += 1;
        } else {
            refused += 1;
        }
    }
    assert_eq!(breaker.snapshot().state, State::Shedding);
    assert!(
        refused > made / 10 && refused < made,
        "{refused} and {made}"
    );

    for _ in 0..11_000 {
        clock.pass(Duration::from_millis(1));
        call(&breaker, Outcome::Success, &clock);
    }

    assert!(is_closed(&breaker));
}
