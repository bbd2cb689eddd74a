//! From open to closed again.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use ipc_breaker::{Change, Mode, Outcome, Permit, Reason, Settings, State};

use crate::support::{Clock, breaker, call, fail_until_open, wait_until_half_open};

const MILLISECOND: Duration = Duration::from_millis(1);

fn with_probes(probes: u32) -> Settings {
    let mut settings = Settings::default();
    settings.probes = probes;
    settings
}

/// (a)
#[test]
fn of_ten_thousand_callers_at_once_exactly_the_probes_pass() {
    const THREADS: usize = 8;
    for probes in [1, 3, 10] {
        let mut clock = Clock::new();
        let breaker = breaker(with_probes(probes), 1);
        fail_until_open(&breaker, &mut clock);
        wait_until_half_open(&breaker, &mut clock);
        let together = Barrier::new(THREADS);
        let ask = || -> Vec<Permit<'_>> {
            together.wait();
            let asked = (0..10_000 / THREADS).map(|_| breaker.acquire(clock.now()));
            asked.filter_map(Result::ok).collect()
        };

        let passed = thread::scope(|scope| {
            let asking: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            let passed = asking.into_iter().map(|it| it.join().expect("no panic"));
            passed.flatten().collect::<Vec<_>>()
        });

        assert_eq!(passed.len(), probes as usize);
        assert!(passed.iter().all(Permit::is_probe));
        let seen = breaker.snapshot();
        assert_eq!(seen.probes, probes.into());
        assert_eq!(seen.refused(Reason::Probing), 10_000 - u64::from(probes));
    }
}

/// (b)
#[test]
fn a_probe_that_is_dropped_or_hangs_is_replaced_within_its_deadline() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    fail_until_open(&breaker, &mut clock);
    wait_until_half_open(&breaker, &mut clock);

    let dropped = breaker.acquire(clock.now()).expect("it is the probe");
    assert!(breaker.acquire(clock.now()).is_err());
    drop(dropped);
    let hanging = breaker.acquire(clock.now()).expect("its place is free");

    let deadline = breaker.settings().probe_deadline;
    clock.pass(deadline - MILLISECOND);
    let refused = breaker.acquire(clock.now()).expect_err("one is under way");
    assert_eq!(refused.retry_after, MILLISECOND);
    clock.pass(MILLISECOND);
    let second = breaker
        .acquire(clock.now())
        .expect("the first had its time");

    // Late is not never.
    assert_eq!(breaker.snapshot().state, State::HalfOpen);
    hanging.record(Outcome::Success, clock.now());
    assert_eq!(breaker.snapshot().state, State::Ramping);
    second.record(Outcome::Failure, clock.now());
    assert_eq!(breaker.snapshot().state, State::Ramping);
}

#[test]
fn a_probe_that_fails_opens_it_for_twice_as_long() {
    let mut settings = Settings::default();
    settings.jitter = 0.0;
    let mut clock = Clock::new();
    let breaker = breaker(settings, 1);
    fail_until_open(&breaker, &mut clock);

    let mut waits = Vec::new();
    for _ in 0..4 {
        wait_until_half_open(&breaker, &mut clock);
        let probe = breaker.acquire(clock.now()).expect("it is the probe");
        match probe.record(Outcome::Timeout, clock.now()) {
            Some(Change::Opened { wait, .. }) => waits.push(wait.as_secs()),
            other => panic!("{other:?}"),
        }
    }

    assert_eq!(waits, [10, 20, 20, 20]);
}

#[test]
fn more_and_more_calls_pass_until_all_do() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    fail_until_open(&breaker, &mut clock);
    wait_until_half_open(&breaker, &mut clock);
    assert!(call(&breaker, Outcome::Success, &clock));

    let mut passed = Vec::new();
    while breaker.snapshot().state == State::Ramping {
        let mut calls = 0;
        for _ in 0..1000 {
            clock.pass(MILLISECOND);
            calls += u32::from(call(&breaker, Outcome::Success, &clock));
        }
        passed.push(calls);
    }

    // Each second is a step, but for the call that ends it.
    assert_eq!(passed.len(), 4, "{passed:?}");
    for (calls, share) in passed.iter().zip([50, 250, 600, 1000]) {
        assert!(calls.abs_diff(share) < 60, "{passed:?}");
    }
}

#[test]
fn few_calls_come_up_the_ramp_as_well() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    fail_until_open(&breaker, &mut clock);
    wait_until_half_open(&breaker, &mut clock);

    let mut calls = 0;
    while breaker.snapshot().state != State::Closed {
        clock.pass(Duration::from_secs(2));
        assert!(call(&breaker, Outcome::Success, &clock));
        calls += 1;
    }

    assert_eq!(calls, 4);
}

#[test]
fn failures_on_the_ramp_open_it_again() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    fail_until_open(&breaker, &mut clock);
    wait_until_half_open(&breaker, &mut clock);
    assert!(call(&breaker, Outcome::Success, &clock));

    let mut failed = 0;
    while breaker.snapshot().state == State::Ramping {
        clock.pass(MILLISECOND);
        failed += u32::from(call(&breaker, Outcome::Failure, &clock));
    }

    assert_eq!(breaker.snapshot().state, State::Open);
    assert_eq!(failed, 4);
}

#[test]
fn one_that_observes_goes_through_every_state_and_refuses_nothing() {
    let mut settings = Settings::default();
    settings.mode = Mode::Observe;
    let mut clock = Clock::new();
    let breaker = breaker(settings, 1);
    let mut states = vec![breaker.snapshot().state];
    // It fails for ten seconds, and is well from then on.
    for second in 0..40 {
        let outcome = if second < 10 {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        for _ in 0..10 {
            clock.pass(Duration::from_millis(100));
            assert!(call(&breaker, outcome, &clock));
            let state = breaker.snapshot().state;
            if states.last() != Some(&state) {
                states.push(state);
            }
        }
    }

    // Half-open is over with the call that is the probe.
    let settled = [State::Open, State::Ramping, State::Closed];
    assert_eq!(states[states.len() - 3..], settled, "{states:?}");
    let seen = breaker.snapshot();
    assert!(
        seen.opened >= 1 && seen.refused(Reason::Open) > 10,
        "{seen:?}"
    );
}

/// (l)
#[test]
fn of_a_hundred_replicas_few_probe_at_the_same_time() {
    const STEP: Duration = Duration::from_millis(10);
    for fleet in 0..20_u64 {
        for is_well in [false, true] {
            let mut clock = Clock::new();
            let replicas: Vec<_> = (0..100)
                .map(|replica| breaker(Settings::default(), fleet * 1000 + replica))
                .collect();
            for _ in 0..30 {
                clock.pass(Duration::from_millis(100));
                for replica in &replicas {
                    call(replica, Outcome::Failure, &clock);
                }
            }
            assert!(replicas.iter().all(|it| it.snapshot().state == State::Open));

            let mut probes = Vec::new();
            for _ in 0..3000 {
                clock.pass(STEP);
                for replica in &replicas {
                    if let Ok(permit) = replica.acquire(clock.now())
                        && permit.is_probe()
                    {
                        probes.push(clock.now());
                        let outcome = if is_well {
                            Outcome::Success
                        } else {
                            Outcome::Failure
                        };
                        permit.record(outcome, clock.now());
                    }
                }
            }

            assert!(probes.len() >= 100, "{} probes", probes.len());
            for (at, first) in probes.iter().enumerate() {
                let within = probes[at..].iter();
                let within = within.take_while(|it| **it < *first + Duration::from_millis(500));
                let together = within.count();
                assert!(together <= 3 + 10, "{together} probes in fleet {fleet}");
            }
        }
    }
}
