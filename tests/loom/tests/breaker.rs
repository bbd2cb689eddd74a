//! A call that ends when the breaker it asked has moved on.

use ipc_loom::{Late, one_that_ends_late};

#[test]
fn in_every_schedule_an_outcome_of_an_older_epoch_changes_nothing() {
    for late in [
        Late::Success,
        Late::Failure,
        Late::NoResponder,
        Late::Cancelled,
    ] {
        one_that_ends_late(late);
    }
}
