//! How long a request would wait in the queue of a service.

use std::time::Duration;

/// What answers are counted in.
const BUCKET: Duration = Duration::from_millis(250);

/// How many buckets are looked back at: two seconds.
const BUCKETS: usize = 8;

/// For how long a reply that told of a queue is news.
const NEWS: Duration = Duration::from_secs(1);

/// How many times longer than the last that was told a wait is said to be at most. The
/// queue is counted by what this gateway has sent; that it grows this much faster than
/// is told, is less likely than that the count misleads.
const AT_MOST: u32 = 4;

/// How much of what a service takes for the work itself a single answer says.
const SHARE: f64 = 0.05;

/// What is known of the queue in front of a service: from what its replies tell of it,
/// and from how many requests are under way and how fast they are answered. Times count
/// from any one point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backlog {
    /// Answers in each of the last buckets, by the bucket's number.
    answers: [Answers; BUCKETS],
    told: Option<Told>,
    /// Seconds of a round trip that are no queue.
    working: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    bucket: u128,
    count: u32,
}

/// What the last reply that told of a queue said.
#[derive(Clone, Copy, Debug)]
struct Told {
    at: Duration,
    queued: Duration,
}

impl Backlog {
    /// Takes in that a request was answered at `now` after `round_trip`, of which it was
    /// `queued` for so long, where the reply told that.
    pub(crate) fn answered(
        &mut self,
        now: Duration,
        round_trip: Duration,
        queued: Option<Duration>,
    ) {
        let bucket = bucket(now);
        let answers = &mut self.answers[slot(bucket)];
        if answers.bucket != bucket {
            *answers = Answers { bucket, count: 0 };
        }
        answers.count = answers.count.saturating_add(1);
        // No longer than all of it, whatever two hosts' clocks say.
        let queued = queued.map(|queued| queued.min(round_trip));
        let working = (round_trip - queued.unwrap_or_default()).as_secs_f64();
        self.working += SHARE * (working - self.working);
        if let Some(queued) = queued {
            self.told = Some(Told { at: now, queued });
        }
    }

    /// Until when there may be a queue: nothing was told of one that is still news
    /// after.
    pub(crate) fn news_until(&self) -> Duration {
        self.told.map_or(Duration::ZERO, |told| told.at + NEWS)
    }

    /// How long a request would wait that is sent at `now`, after `under_way` others.
    pub(crate) fn wait(&self, now: Duration, under_way: usize) -> Duration {
        let Some(told) = self.told.filter(|told| now < told.at + NEWS) else {
            return Duration::ZERO;
        };
        let Some(rate) = self.rate(now) else {
            return told.queued;
        };
        // As many requests as there can be are exact.
        let seconds = under_way as f64 / rate - self.working;
        let wait = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        wait.min(told.queued * AT_MOST)
    }

    /// Answers a second, at the service's best of late: whatever held it up, it goes on
    /// at that.
    fn rate(&self, now: Duration) -> Option<f64> {
        let current = bucket(now);
        let since = current.saturating_sub(BUCKETS as u128);
        let whole = self
            .answers
            .iter()
            .filter(|answers| (since..current).contains(&answers.bucket));
        let most = whole.map(|answers| answers.count).max();
        most.filter(|most| *most > 0)
            .map(|most| f64::from(most) / BUCKET.as_secs_f64())
    }
}

/// The number of the bucket that a time is in; the first is 1, so that none is 0.
fn bucket(now: Duration) -> u128 {
    now.as_nanos() / BUCKET.as_nanos() + 1
}

fn slot(bucket: u128) -> usize {
    // The remainder of a number of slots is one of them.
    (bucket % BUCKETS as u128) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn without_a_word_of_a_queue_there_is_none_however_many_are_under_way() {
        let mut backlog = Backlog::default();
        for at in 0..1000 {
            backlog.answered(millis(at), millis(500), None);
        }

        assert_eq!(backlog.wait(millis(1000), 100_000), Duration::ZERO);
    }

    #[test]
    fn what_was_told_of_a_queue_is_no_news_after_a_while() {
        let mut backlog = Backlog::default();
        for at in 0..1000 {
            backlog.answered(millis(at), millis(500), Some(millis(495)));
        }

        assert!(backlog.wait(millis(1000), 500) > millis(400));
        assert_eq!(backlog.wait(millis(2000), 500), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_goes_ahead_tells_of_no_longer_a_queue_than_the_round_trip() {
        let mut backlog = Backlog::default();
        for at in 0..1000 {
            backlog.answered(millis(at), millis(20), Some(millis(60_000)));
        }

        assert!(backlog.wait(millis(1000), 500) <= AT_MOST * millis(20));
    }

    /// A service that answers one request in every millisecond, in the order they
    /// come, and takes 5 ms over each.
    struct Simulated {
        gateways: Vec<Gateway>,
        /// Which of them the next request comes to.
        turn: usize,
        /// When each was sent, and by which gateway.
        queue: VecDeque<(u64, usize)>,
        /// Those that are worked on: when they are answered, and who waits.
        working: VecDeque<(u64, u64, u64, usize)>,
    }

    #[derive(Default)]
    struct Gateway {
        backlog: Backlog,
        under_way: usize,
    }

    /// What became of the requests of some time.
    #[derive(Default, Debug)]
    struct Outcome {
        in_time: u64,
        late: u64,
        /// Refused, each with how long to wait.
        refused: Vec<Duration>,
    }

    const DEADLINE: u64 = 2000;
    const WORK: u64 = 5;

    impl Simulated {
        fn new(gateways: usize) -> Self {
            Self {
                gateways: std::iter::repeat_with(Gateway::default)
                    .take(gateways)
                    .collect(),
                turn: 0,
                queue: VecDeque::new(),
                working: VecDeque::new(),
            }
        }

        /// So many requests in every two milliseconds, for this time.
        fn run(&mut self, time: std::ops::Range<u64>, requests: usize) -> Outcome {
            let mut outcome = Outcome::default();
            for now in time {
                self.answer(now, &mut outcome);
                if let Some((sent, gateway)) = self.queue.pop_front() {
                    self.working.push_back((now + WORK, sent, now, gateway));
                }
                let come = if now % 2 == 0 { requests } else { 0 };
                for _ in 0..come {
                    self.turn = (self.turn + 1) % self.gateways.len();
                    self.send(now, self.turn, &mut outcome);
                }
            }
            outcome
        }

        fn answer(&mut self, now: u64, outcome: &mut Outcome) {
            while let Some(&(done, sent, begun, from)) = self.working.front() {
                if done > now {
                    break;
                }
                self.working.pop_front();
                let gateway = &mut self.gateways[from];
                gateway.under_way -= 1;
                let queued = millis(begun - sent);
                let told = Some(queued).filter(|queued| *queued >= millis(10));
                let round_trip = now - sent;
                gateway
                    .backlog
                    .answered(millis(now), millis(round_trip), told);
                if round_trip <= DEADLINE {
                    outcome.in_time += 1;
                } else {
                    outcome.late += 1;
                }
            }
        }

        fn send(&mut self, now: u64, from: usize, outcome: &mut Outcome) {
            let gateway = &mut self.gateways[from];
            let wait = gateway.backlog.wait(millis(now), gateway.under_way);
            let bearable = millis(DEADLINE / 2);
            if wait > bearable {
                outcome.refused.push(wait - bearable);
            } else {
                gateway.under_way += 1;
                self.queue.push_back((now, from));
            }
        }
    }

    #[test]
    fn a_threefold_spike_is_served_at_capacity_and_over_within_a_second() {
        for gateways in [1, 3] {
            let mut service = Simulated::new(gateways);
            let calm = service.run(0..5_000, 1);
            let spike = service.run(5_000..15_000, 6);
            let ending = service.run(15_000..15_100, 1);
            let recovering = service.run(15_100..16_000, 1);
            let after = service.run(16_000..20_000, 1);

            assert_eq!((calm.late, calm.refused.len()), (0, 0), "{gateways}");
            // The capacity is one in each of 10 000 milliseconds.
            assert!(spike.in_time >= 9_500, "{gateways}: {}", spike.in_time);
            assert_eq!(spike.late + ending.late + recovering.late, 0, "{gateways}");
            assert!(spike.refused.iter().all(|wait| *wait < millis(4_000)));
            assert!(service.queue.len() <= 2, "{gateways}");
            assert_eq!((after.late, after.refused.len()), (0, 0), "{gateways}");
            assert!(recovering.refused.is_empty(), "{gateways}: {recovering:?}");
        }
    }

    #[test]
    fn a_stall_of_five_seconds_refuses_nobody_who_has_the_time() {
        let mut backlog = Backlog::default();
        for at in 0..2000 {
            backlog.answered(millis(at), millis(5), None);
        }
        // Nothing is answered until 7000, by when 2500 have come; then all is, at
        // twice the speed.
        for at in 7000..7500 {
            backlog.answered(millis(at), millis(5_000), Some(millis(4_995)));
            backlog.answered(millis(at), millis(5_000), Some(millis(4_995)));
        }

        assert!(backlog.wait(millis(7500), 1500) < millis(15_000));
    }
}
