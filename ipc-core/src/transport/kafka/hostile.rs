//! Containing the panics that hostile records cause inside rdkafka.
//!
//! Anybody who may write to a topic can cause one with every record. Each is
//! caught; but a panic is also reported, by whatever hook the program has, and
//! that must not become a way to flood its log. So the first one is reported,
//! and with it a hook is put in front of the program's own that keeps silent
//! about the others and passes on everything else.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside [`contained`], where a panic is expected.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

static SILENCE: Once = Once::new();

/// Runs `read`; false when it panicked.
pub(super) fn contained(read: impl FnOnce()) -> bool {
    CONTAINED.set(true);
    let ended = catch_unwind(AssertUnwindSafe(read));
    CONTAINED.set(false);
    if ended.is_err() {
        SILENCE.call_once(silence);
    }
    ended.is_ok()
}

fn silence() {
    tracing::warn!(
        target: "ipc::kafka",
        "a record's header has a name that is not UTF-8; further panics of this kind are not reported"
    );
    let report = take_hook();
    set_hook(Box::new(move |panic| {
        if !CONTAINED.get() {
            report(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static REPORTS: AtomicUsize = AtomicUsize::new(0);

    /// The hook is the process's: one test looks at all of it.
    #[test]
    fn hostile_records_are_reported_once_and_other_panics_always() {
        let original = take_hook();
        set_hook(Box::new(move |panic| {
            let ours = panic
                .payload_as_str()
                .is_some_and(|text| text.starts_with("test:"));
            if ours {
                REPORTS.fetch_add(1, Ordering::SeqCst);
            } else {
                original(panic);
            }
        }));
        assert!(contained(|| {}));
        for _ in 0..3 {
            assert!(!contained(|| panic!("test: hostile")));
        }
        assert_eq!(REPORTS.load(Ordering::SeqCst), 1);
        assert!(catch_unwind(|| panic!("test: a bug")).is_err());
        assert_eq!(REPORTS.load(Ordering::SeqCst), 2);
    }
}
