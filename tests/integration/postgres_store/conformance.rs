//! What every store does, this one does.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use harness::Database;
use ipc_core::{
    store::{DedupStore, PostgresStore},
    testing::store::{self, Fixture},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_store_conforms() -> Result<()> {
    let database = Database::create().await?;
    // The checks run at once, and some keep their claims for long.
    let instances = [database.pool_of(20).await?, database.pool_of(20).await?];
    let count = AtomicUsize::new(0);
    let connect = move || {
        let pool = &instances[count.fetch_add(1, Ordering::Relaxed) % 2];
        let store: Arc<dyn DedupStore> = Arc::new(PostgresStore::new(pool.clone()));
        async { store }
    };
    // The claim of a dead owner ends with its connection.
    store::run(Fixture::new("run", connect).without_leases()).await;
    Ok(())
}
