//! A breaker before a simulated service: callers, a queue, and a capacity, millisecond by
//! millisecond.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use ipc_breaker::{Breaker, Outcome, Permit, Settings, State};

use crate::support::{Clock, breaker};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: u64 = 1000;

/// A service that answers one call in a millisecond, and those who call it.
struct Scene {
    /// New calls in each second, by the second.
    rate: fn(u64) -> u64,
    /// In milliseconds.
    lasts: u64,
    /// When the service does nothing, in milliseconds.
    pauses: Range<u64>,
    /// How long a caller waits.
    timeout: u64,
    /// How often a caller asks again that had no answer.
    retries: u32,
    /// Whether the gateway refuses calls that would wait for more than half of their time,
    /// before the breaker is asked.
    admits_by_delay: bool,
    /// Whether the service drops calls whose callers have gone.
    drops_expired: bool,
}

#[derive(Default, Debug)]
struct Seen {
    /// Calls that were answered while their caller waited, by the second.
    in_time: Vec<u64>,
    /// Calls that were refused or had no answer, by the second.
    lost: Vec<u64>,
    longest_queue: usize,
}

struct Call<'b> {
    /// Until its caller has gone.
    permit: Option<Permit<'b>>,
    deadline: u64,
    retries: u32,
}

impl Scene {
    fn play(&self, breaker: &Breaker, clock: &mut Clock) -> Seen {
        let seconds = usize::try_from(self.lasts / SECOND).expect("it is short");
        let mut seen = Seen {
            in_time: vec![0; seconds],
            lost: vec![0; seconds],
            longest_queue: 0,
        };
        let mut queue: VecDeque<Call<'_>> = VecDeque::new();
        for at in 0..self.lasts {
            clock.pass(MILLISECOND);
            let second = usize::try_from(at / SECOND).expect("it is short");
            let again = self.give_up(&mut queue, at, clock);
            seen.lost[second] += again.len() as u64;
            let rate = (self.rate)(at / SECOND);
            let new = (at + 1) * rate / SECOND - at * rate / SECOND;
            let new = (0..new).map(|_| self.retries);
            let again = again.into_iter().filter_map(|left| left.checked_sub(1));
            for retries in again.chain(new) {
                let waits_too_long = 2 * queue.len() as u64 > self.timeout;
                if self.admits_by_delay && waits_too_long {
                    seen.lost[second] += 1;
                    continue;
                }
                match breaker.acquire(clock.now()) {
                    Ok(permit) => queue.push_back(Call {
                        permit: Some(permit),
                        deadline: at + self.timeout,
                        retries,
                    }),
                    Err(_) => seen.lost[second] += 1,
                }
            }
            seen.longest_queue = seen.longest_queue.max(queue.len());
            if !self.pauses.contains(&at)
                && let Some(call) = self.next(&mut queue)
                && let Some(permit) = call.permit
            {
                permit.record(Outcome::Success, clock.now());
                seen.in_time[second] += 1;
            }
        }
        seen
    }

    /// Ends the waiting of callers whose time is over: how often each may ask again.
    fn give_up(&self, queue: &mut VecDeque<Call<'_>>, at: u64, clock: &Clock) -> Vec<u32> {
        let gone_before = queue.partition_point(|call| call.permit.is_none());
        let waiting = queue.range_mut(gone_before..);
        let late = waiting.take_while(|call| call.deadline <= at);
        let gone = late.filter_map(|call| Some((call.permit.take()?, call.retries)));
        gone.map(|(permit, retries)| {
            permit.record(Outcome::Timeout, clock.now());
            retries
        })
        .collect()
    }

    /// What the service works on for this millisecond.
    fn next<'b>(&self, queue: &mut VecDeque<Call<'b>>) -> Option<Call<'b>> {
        if self.drops_expired {
            while queue.front().is_some_and(|call| call.permit.is_none()) {
                queue.pop_front();
            }
        }
        queue.pop_front()
    }
}

/// Three times the capacity from second 2 to second 12, half of it before and after.
fn spike(second: u64) -> u64 {
    if (2..12).contains(&second) { 3000 } else { 500 }
}

const SPIKE: Scene = Scene {
    rate: spike,
    lasts: 20 * SECOND,
    pauses: 0..0,
    timeout: SECOND,
    retries: 2,
    admits_by_delay: true,
    drops_expired: true,
};

/// (i)
#[test]
fn a_spike_of_three_times_the_capacity_costs_next_to_nothing() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);

    let seen = SPIKE.play(&breaker, &mut clock);

    let in_spike: u64 = seen.in_time[2..12].iter().sum();
    assert!(in_spike >= 9500, "{seen:?}");
    assert!(seen.longest_queue <= 1000, "{seen:?}");
    assert_eq!(seen.lost[13..], [0; 7], "{seen:?}");
    assert_eq!(breaker.snapshot().opened, 0);
}

/// That the simulation can fail: a breaker alone does not save a service that works for
/// callers who have gone.
#[test]
fn without_deadlines_and_admission_a_spike_costs_most_of_the_capacity() {
    let mut clock = Clock::new();
    let breaker = breaker(Settings::default(), 1);
    let scene = Scene {
        admits_by_delay: false,
        drops_expired: false,
        ..SPIKE
    };

    let seen = scene.play(&breaker, &mut clock);

    let in_spike: u64 = seen.in_time[2..12].iter().sum();
    assert!(in_spike < 5000, "{seen:?}");
    assert!(breaker.snapshot().opened > 0);
}

/// (j)
#[test]
fn five_seconds_of_rebalance_leave_it_closed() {
    // Answered late, given up after seconds, given up at once.
    for timeout in [30 * SECOND, 2 * SECOND, SECOND / 10] {
        let mut settings = Settings::default();
        settings.slow = Some(Duration::from_secs(1));
        let mut clock = Clock::new();
        let breaker = breaker(settings, 1);
        let scene = Scene {
            rate: |_| 500,
            lasts: 40 * SECOND,
            pauses: 15 * SECOND..20 * SECOND,
            timeout,
            retries: 0,
            admits_by_delay: false,
            drops_expired: true,
        };

        let seen = scene.play(&breaker, &mut clock);

        let snapshot = breaker.snapshot();
        assert_eq!(snapshot.opened, 0, "timeout {timeout}: {seen:?}");
        assert_eq!(snapshot.state, State::Closed);
        assert_eq!(seen.in_time[30..], [500; 10], "timeout {timeout}");
    }
}
