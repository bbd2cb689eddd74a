//! A caller that goes while its handler is polled on another thread.

#[test]
fn in_every_schedule_a_handler_ends_with_its_caller() {
    ipc_loom::one_that_does_not_ask(|run| assert!(!run.finished));
}

#[test]
fn in_every_schedule_a_handler_that_asked_is_told_and_finishes() {
    // One whose caller has gone before is not begun.
    ipc_loom::one_that_asks(|run| assert_eq!(run.finished, run.asked));
}
