//! How much each client has used up, in bounded memory.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::nanos::Nanos;
use governor::state::StateStore;
use hashlink::{DefaultHashBuilder, LruCache};
use parking_lot::Mutex;

use super::client::Client;

/// How many clients are remembered, over all limits of a gateway: some 10 MB. Where there
/// are more, those that have not come for longest are forgotten, and begin anew.
const MOST: usize = 128 * 1024;

/// Locks, so that requests at the same time rarely wait for each other.
const SHARDS: usize = 64;

/// What all clients have used up, of every limit. Clones are of the same.
#[derive(Clone, Debug)]
pub(crate) struct Cells(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    shards: Vec<Mutex<LruCache<Key, Nanos>>>,
    hashing: DefaultHashBuilder,
    limits: AtomicU32,
}

/// A client of a limit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    limit: u32,
    client: Client,
}

/// What the clients of one limit have used up.
#[derive(Debug)]
pub(super) struct OfLimit {
    cells: Cells,
    limit: u32,
}

impl Cells {
    pub(crate) fn new() -> Self {
        Self::of(MOST)
    }

    fn of(most: usize) -> Self {
        let shard = || Mutex::new(LruCache::new(most / SHARDS));
        Self(Arc::new(Shared {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hashing: DefaultHashBuilder::default(),
            limits: AtomicU32::new(0),
        }))
    }

    /// Of a further limit, under which nobody has used up anything.
    pub(super) fn of_a_limit(&self) -> OfLimit {
        OfLimit {
            cells: self.clone(),
            limit: self.0.limits.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl StateStore for OfLimit {
    type Key = Client;

    fn measure_and_replace<T, F, E>(&self, client: &Client, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let key = Key {
            limit: self.limit,
            client: *client,
        };
        let shared = &*self.cells.0;
        // The remainder of a number of shards is one of them.
        let shard = shared.hashing.hash_one(key) as usize % SHARDS;
        let mut cells = shared.shards[shard].lock();
        if let Some(cell) = cells.get_mut(&key) {
            let (outcome, next) = measure(Some(*cell))?;
            *cell = next;
            return Ok(outcome);
        }
        let (outcome, next) = measure(None)?;
        cells.insert(key, next);
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn client(number: u32) -> Client {
        Client::Address(IpAddr::from(Ipv4Addr::from_bits(number)).into())
    }

    fn used(of: &OfLimit, client: Client) -> Option<Nanos> {
        let seen = of.measure_and_replace(&client, Err::<((), Nanos), _>);
        seen.expect_err("it is only looked at")
    }

    fn use_up(of: &OfLimit, client: Client) {
        let used = of.measure_and_replace(&client, |_| Ok::<_, ()>(((), Nanos::new(1))));
        used.expect("it is allowed");
    }

    #[test]
    fn hostile_addresses_take_bounded_memory_and_forget_the_oldest_first() {
        const CLIENTS: u32 = 100_000;
        let cells = Cells::of(64 * SHARDS);
        let limit = cells.of_a_limit();
        let regular = client(0);

        for number in 1..CLIENTS {
            use_up(&limit, client(number));
            use_up(&limit, regular);
        }

        let kept: usize = cells.0.shards.iter().map(|it| it.lock().len()).sum();
        assert!(kept <= 64 * SHARDS, "{kept}");
        assert!(used(&limit, regular).is_some(), "it has just come");
        assert!(used(&limit, client(1)).is_none(), "others came since");
    }

    #[test]
    fn what_one_limit_counts_another_does_not() {
        let cells = Cells::new();
        let (one, other) = (cells.of_a_limit(), cells.of_a_limit());

        use_up(&one, client(1));

        assert!(used(&one, client(1)).is_some());
        assert!(used(&other, client(1)).is_none());
    }
}
