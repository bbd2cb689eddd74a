//! What every transport must do, as one suite for all of them.
//!
//! ```
//! use std::sync::Arc;
//!
//! use ipc_core::testing::conformance::{self, Fixture};
//! use ipc_core::transport::Transport;
//! use ipc_core::transport::memory::MemoryCluster;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let cluster = MemoryCluster::new(1);
//! let connect = move || {
//!     let transport: Arc<dyn Transport> = Arc::new(cluster.transport());
//!     async { transport }
//! };
//! conformance::run(Fixture::new("run-1", connect)).await;
//! # }
//! ```

mod case;
mod groups;
mod handover;
mod partitioning;
mod reading;
mod sending;
mod topology;
mod transactions;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::testing::checks::{self, Named};
use crate::transport::Transport;
use case::Case;

type Connection = Pin<Box<dyn Future<Output = Arc<dyn Transport>> + Send>>;
type Check = fn(Case) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// The transport to be checked.
#[derive(Clone)]
pub struct Fixture {
    connect: Arc<dyn Fn() -> Connection + Send + Sync>,
    run: Arc<str>,
}

impl Fixture {
    /// A transport that `connect` makes, as often as asked, each as a process of
    /// its own would. Topics and groups begin with `run`, which must not have been
    /// used with the same cluster before.
    pub fn new<C, F>(run: impl Into<Arc<str>>, connect: C) -> Self
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Arc<dyn Transport>> + Send + 'static,
    {
        Self {
            connect: Arc::new(move || Box::pin(connect())),
            run: run.into(),
        }
    }
}

impl std::fmt::Debug for Fixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fixture")
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

macro_rules! checks {
    ($($module:ident::$check:ident,)+) => {
        &[$((stringify!($check), |case| Box::pin($module::$check(case)))),+]
    };
}

/// Every check, by the behaviour it is named for.
const CHECKS: &[(&str, Check)] = checks![
    sending::receipts_tell_partition_and_offset,
    sending::headers_keep_order_repeats_and_nulls,
    sending::null_and_empty_keys_and_payloads_differ,
    sending::records_carry_their_creation_time,
    sending::a_record_close_to_the_limit_arrives_whole,
    sending::a_record_over_the_limit_is_refused,
    sending::a_missing_partition_is_refused_and_named,
    sending::a_missing_topic_is_refused_and_named,
    sending::flush_settles_everything_sent,
    partitioning::one_key_has_the_partition_murmur2_says,
    partitioning::records_of_one_key_keep_their_order,
    partitioning::an_explicit_partition_wins_over_the_key,
    reading::from_the_end_sees_everything_sent_afterwards,
    reading::from_the_beginning_sees_everything_sent_before,
    reading::readers_share_nothing,
    reading::a_missing_topic_is_an_error_that_names_it,
    reading::a_missing_partition_is_an_error_that_names_it,
    reading::a_reader_goes_on_where_it_is_told,
    reading::who_looks_for_the_end_is_told_when_everything_is_read,
    reading::records_are_counted_by_partition_from_a_point_in_time_on,
    reading::a_topic_tells_which_offsets_it_holds,
    reading::a_reader_begins_at_a_point_in_time,
    reading::a_closed_reader_says_so_and_is_silent_afterwards,
    groups::a_group_begins_with_the_oldest_record,
    groups::the_group_goes_on_at_the_stored_offset_after_close,
    groups::a_commit_is_where_the_group_goes_on,
    groups::what_a_group_has_committed_is_told,
    groups::a_note_stays_with_its_offset_until_another_is_committed,
    groups::a_note_on_an_offset_that_was_committed_before_is_told_and_can_be_taken_away,
    groups::what_was_not_stored_is_redelivered_to_the_next_member,
    groups::groups_do_not_disturb_each_other,
    groups::a_paused_partition_is_silent_and_resumes_without_loss,
    groups::closing_revokes_commits_and_ends,
    groups::a_member_of_a_missing_topic_is_told_its_name,
    handover::two_members_share_and_a_leave_hands_over,
    handover::a_dropped_consumer_leaves_its_group,
    handover::the_group_waits_until_a_revocation_is_dropped,
    handover::offsets_stored_for_a_partition_given_away_are_ignored,
    handover::committing_a_partition_given_away_is_an_error,
    handover::nothing_comes_from_a_partition_after_its_revocation,
    handover::a_partition_that_comes_back_is_not_paused,
    transactions::a_transaction_commits_records_offsets_and_their_notes,
    transactions::a_transaction_with_a_record_that_no_topic_takes_leaves_nothing,
    transactions::a_void_transaction_is_fenced_and_leaves_nothing,
    transactions::who_commits_by_transactions_commits_in_no_other_way,
    transactions::a_transaction_for_a_partition_given_away_is_fenced,
    topology::a_topic_made_twice_stays_as_it_is,
    topology::a_new_topic_keeps_its_first_records,
    topology::states_come_in_the_order_asked_for,
    topology::a_topic_that_cannot_be_made_is_named,
    topology::a_topic_that_is_cleaned_up_otherwise_is_told,
];

/// Runs every check, all at the same time.
///
/// # Panics
///
/// When a check fails; the message names every one that did, and the panic of
/// each says why.
///
/// # Cancel safety
///
/// Dropping the future ends the checks; their topics stay.
pub async fn run(fixture: Fixture) {
    let each = CHECKS.iter().map(|(name, check)| {
        let fixture = fixture.clone();
        let checked = async move {
            let transport = (fixture.connect)().await;
            check(Case::new(&fixture.run, name, transport)).await;
        };
        Named::new(name, checked)
    });
    checks::all(each.collect()).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::memory::MemoryCluster;

    #[tokio::test(start_paused = true)]
    async fn the_in_memory_transport_conforms() {
        for seed in 0..20 {
            let cluster = MemoryCluster::new(seed);
            let connect = move || {
                let transport: Arc<dyn Transport> = Arc::new(cluster.transport());
                async { transport }
            };
            run(Fixture::new("run", connect)).await;
        }
    }
}
