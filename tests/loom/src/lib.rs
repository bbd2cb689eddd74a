//! What ipc-core and ipc-breaker share between threads without a lock: the same files, over
//! primitives whose every schedule loom goes through.

#[expect(
    dead_code,
    reason = "the model asks for less of it than a gateway does"
)]
#[expect(unreachable_pub, reason = "it is public in its own crate")]
mod circuit;
mod sync;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the models ask for less of it than dispatch does")
)]
#[path = "../../../ipc-core/src/dispatch/withdrawal.rs"]
mod withdrawal;

use std::cell::Cell;
use std::future::pending;
use std::pin::pin;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

pub use circuit::{Late, one_that_ends_late};
use withdrawal::Withdrawal;

/// A run of a handler whose caller goes meanwhile, on another thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// Whether the handler asked for word of its caller.
    pub asked: bool,
    /// Whether it came to its own end.
    pub finished: bool,
}

/// Shows `see` a handler that never ends by itself, in each schedule.
///
/// # Panics
///
/// Where `see` does, or a schedule leaves the handler waiting.
pub fn one_that_does_not_ask(see: impl Fn(Run) + Send + Sync + 'static) {
    loom::model(move || {
        let ended = beside_its_caller(|withdrawal| block_on(withdrawal.run(pin!(pending::<()>()))));
        see(Run {
            asked: false,
            finished: ended.is_some(),
        });
    });
}

/// Shows `see` a handler that asks, and ends when it is told, in each schedule.
///
/// # Panics
///
/// As [`one_that_does_not_ask`].
pub fn one_that_asks(see: impl Fn(Run) + Send + Sync + 'static) {
    loom::model(move || {
        let asked = Cell::new(false);
        let ended = beside_its_caller(|withdrawal| {
            let handler = async {
                asked.set(true);
                withdrawal.token().cancelled().await;
            };
            block_on(withdrawal.run(pin!(handler)))
        });
        see(Run {
            asked: asked.get(),
            finished: ended.is_some(),
        });
    });
}

fn beside_its_caller<T>(handle: impl FnOnce(&Withdrawal) -> T) -> T {
    let withdrawal = Arc::new(Withdrawal::default());
    let caller = Arc::clone(&withdrawal);
    let going = thread::spawn(move || caller.withdraw());
    let ended = handle(&withdrawal);
    let gone = going.join();
    assert!(gone.is_ok() && withdrawal.is_withdrawn());
    ended
}
