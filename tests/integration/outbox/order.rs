//! Order per key, where transactions overlap.

use anyhow::Result;
use ipc_core::{
    outbox::{Message, Outbox},
    store::postgres::sqlx,
};
use tokio::task::JoinSet;

use super::{Desk, count, of_each};

const KEYS: [&str; 3] = ["a", "b", "c"];
const WRITERS: usize = 6;
const EACH: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_key_come_in_commit_order_from_transactions_that_overlap() -> Result<()> {
    let desk = Desk::new().await?;
    let (one, other) = (desk.relay().await?, desk.relay().await?);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (pool, topic) = (desk.pool.clone(), desk.topic.clone());
        writers.spawn(async move {
            for turn in 0..EACH {
                let mut transaction = pool.begin().await?;
                // It has its transaction id from here on, long before its turn at the key.
                sqlx::query("INSERT INTO effects (work) VALUES ('begun')")
                    .execute(&mut *transaction)
                    .await?;
                // Unkeyed ones have rows of lower ids that become visible later.
                let unkeyed = Message::record(&*topic).key(format!("own {writer} {turn}"));
                Outbox::send(&mut transaction, unkeyed.payload("1")).await?;
                let key = KEYS[(writer + turn) % KEYS.len()];
                let n = count(&mut transaction, key).await?;
                let message = Message::record(&*topic).key(key).payload(n.to_string());
                Outbox::send(&mut transaction, message).await?;
                tokio::task::yield_now().await;
                transaction.commit().await?;
            }
            anyhow::Ok(())
        });
    }
    for written in writers.join_all().await {
        written?;
    }
    let mut expected = of_each(KEYS, WRITERS * EACH / KEYS.len());
    for writer in 0..WRITERS {
        let own = (0..EACH).map(|turn| (format!("own {writer} {turn}"), 1));
        expected.extend(own);
    }
    let repeated = desk.arrived(&expected).await?;
    assert!(repeated.is_empty(), "nothing failed: {repeated:?}");
    one.end().await;
    other.end().await;
    assert_eq!(desk.waiting().await?, 0);
    assert!(desk.repeated(&expected).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_stays_open_holds_nobody_else_back() -> Result<()> {
    let desk = Desk::new().await?;
    let relay = desk.relay().await?;
    let mut open = desk.pool.begin().await?;
    let message = Message::record(&*desk.topic).key("slow").payload("1");
    Outbox::send(&mut open, message).await?;
    desk.commit("quick").await?;
    desk.arrived(&of_each(["quick"], 1)).await?;
    // Its row has the lower id, and is found all the same.
    open.commit().await?;
    desk.arrived(&of_each(["quick", "slow"], 1)).await?;
    relay.end().await;
    Ok(())
}
