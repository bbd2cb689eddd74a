use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use ipc_core::envelope::chain::MAX_LANES;
use ipc_core::envelope::{Chain, Context, TraceContext, UnixMillis};
use proptest::prelude::*;
use tokio::task::JoinSet;

const NOW: UnixMillis = UnixMillis(1_795_250_773_000);

#[tokio::test]
async fn a_context_holds_for_the_future_it_was_given_to() {
    let context = Context {
        deadline: Some(NOW),
        trace: Some(TraceContext::root(true)),
        chain: Chain::default().with("orders", b"7"),
        lane: None,
        shadow: true,
    };
    let inside = context.clone().scope(async { Context::current() }).await;
    assert_eq!(inside, context);
    assert_eq!(context.clone().sync_scope(Context::current), context);
    assert_eq!(Context::current(), Context::default());
}

#[tokio::test]
async fn a_spawned_task_has_no_context_unless_it_is_handed_one() {
    let context = Context {
        deadline: Some(NOW),
        ..Context::default()
    };
    let seen = context
        .clone()
        .scope(async {
            let mut tasks = JoinSet::new();
            tasks.spawn(Context::current().scope(async { ("handed", Context::current()) }));
            tasks.spawn(async { ("bare", Context::current()) });
            tasks
                .join_all()
                .await
                .into_iter()
                .collect::<HashMap<_, _>>()
        })
        .await;
    assert_eq!(seen["handed"], context);
    assert_eq!(seen["bare"], Context::default());
}

proptest! {
    #[test]
    fn the_earlier_deadline_counts(inherited in any::<Option<u64>>(), timeout in 0u64..1 << 40) {
        let context = Context {
            deadline: inherited.map(UnixMillis),
            ..Context::default()
        };
        let deadline = context.deadline(NOW, Duration::from_millis(timeout));
        let own = NOW.0 + timeout;
        // What is past already leaves nothing, and no time before now.
        let expected = inherited.map_or(own, |at| own.min(at.max(NOW.0)));
        prop_assert_eq!(deadline.at.0, expected);
        prop_assert_eq!(deadline.budget, Some(Duration::from_millis(expected - NOW.0)));
    }

    #[test]
    fn a_chain_holds_the_newest_lanes_and_no_others(
        lanes in prop::collection::vec(("[a-c]", prop::collection::vec(any::<u8>(), 0..3)), 0..50),
    ) {
        let chain = lanes.iter().fold(Chain::default(), |chain, (service, key)| {
            chain.with(service, key)
        });
        let read = Chain::parse(chain.as_text().as_bytes()).unwrap();
        prop_assert_eq!(&read, &chain);
        let kept = &lanes[lanes.len().saturating_sub(MAX_LANES)..];
        for (service, key) in &lanes {
            let held = kept.iter().any(|lane| lane == &(service.clone(), key.clone()));
            prop_assert_eq!(read.holds(service, key), held);
        }
        prop_assert!(!read.holds("d", b""));
    }

    #[test]
    fn any_bytes_are_a_chain_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Some(chain) = Chain::parse(&Bytes::from(bytes)) {
            prop_assert!(chain.with("orders", b"7").holds("orders", b"7"));
        }
    }
}

#[test]
fn a_lane_is_its_service_and_a_hash_that_every_release_agrees_on() {
    // The published test vectors of FNV-1a with 64 bits.
    let chain = Chain::default()
        .with("orders", b"")
        .with("billing", b"foobar");
    assert_eq!(
        &**chain.as_text(),
        "orders:cbf29ce484222325,billing:85944171f73967e8"
    );
}

#[test]
fn a_chain_longer_than_any_we_write_is_refused() {
    let long = vec![b'a'; 1 << 16];
    assert_eq!(Chain::parse(&Bytes::from(long)), None);
}
