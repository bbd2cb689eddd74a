//! What a permit and its outcome cost, beside a floor: the same clock, load and counter
//! without a breaker around them.
#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ipc_breaker::{Breaker, Outcome, Settings};

const CALLS: u32 = 5_000_000;
const ROUNDS: usize = 5;

fn main() {
    let mut settings = Settings::default();
    settings.slow = Some(Duration::from_secs(1));
    let breaker = Breaker::new(settings, 1).expect("the settings make sense");
    let word = AtomicU64::new(0);
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut threads = 1;
    while threads <= processors {
        let floor = best(threads, |now, counter| {
            let seen = black_box(&word).load(Ordering::Acquire);
            let counted = counter.load(Ordering::Relaxed);
            let swapped = counter.compare_exchange_weak(
                counted,
                counted + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            black_box((seen, swapped.is_ok(), now));
        });
        let permit = best(threads, |now, _| {
            if let Ok(permit) = black_box(&breaker).acquire(now) {
                permit.record(Outcome::Success, now);
            }
        });
        println!(
            "{threads} threads: {permit:.1} ns a call in each, {:.1} times the floor of {floor:.1} ns",
            permit / floor
        );
        threads *= 2;
    }
}

/// Nanoseconds for each call in each thread: the best of some rounds.
fn best(threads: usize, call: impl Fn(Duration, &AtomicU64) + Sync) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let together = Barrier::new(threads);
        let run = || {
            let counter = AtomicU64::new(0);
            let mut now = Duration::ZERO;
            together.wait();
            let began = Instant::now();
            for _ in 0..CALLS {
                now += Duration::from_nanos(100);
                call(now, &counter);
            }
            began.elapsed()
        };
        let slowest = thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            let ended = running.into_iter().filter_map(|it| it.join().ok());
            ended.max().unwrap_or_default()
        });
        slowest.as_secs_f64() * 1e9 / f64::from(CALLS)
    });
    rounds.fold(f64::INFINITY, f64::min)
}
