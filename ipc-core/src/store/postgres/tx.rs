//! The transaction of a claim, lent to its handler.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::postgres::PgConnection;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};

use super::Open;
use crate::store::Lent;

/// Where the transaction lies while its handler runs; empty once it has ended.
type Slot = Mutex<Option<Open>>;

/// The database in the transaction of the claim that a request is handled under: what
/// is written through it is committed with the stored reply, or not at all. See
/// [`store::postgres`](super).
///
/// An extractor. Handlers borrow the connection, as `&mut *tx`, and give `Tx` back by
/// the time they answer; what they begin on it ([`Connection::begin`]) is a savepoint.
/// They neither commit nor roll back the transaction itself. Extracted twice for one
/// request, it is refused the second time.
///
/// [`Connection::begin`]: sqlx::Connection::begin
pub struct Tx(OwnedMappedMutexGuard<Option<Open>, Open>);

/// Why there is no [`Tx`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotLent {
    /// The store is another one.
    AnotherStore,
    /// Somebody has it.
    Taken,
}

impl Tx {
    /// Takes what was lent, for one at a time.
    pub(crate) fn take(lent: &Lent) -> Result<Self, NotLent> {
        let slot = lent.get::<Slot>().ok_or(NotLent::AnotherStore)?;
        let guard = slot.try_lock_owned().map_err(|_| NotLent::Taken)?;
        let open = OwnedMutexGuard::try_map(guard, Option::as_mut);
        open.map(Self).map_err(|_| NotLent::Taken)
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tx(..)")
    }
}

/// The store's end of the loan.
pub(super) struct Loan(Arc<Slot>);

impl Loan {
    pub(super) fn new(open: Open) -> Self {
        Self(Arc::new(Mutex::new(Some(open))))
    }

    pub(super) fn lend(&self) -> Lent {
        Lent::new(Arc::clone(&self.0))
    }

    /// The transaction, unless somebody still has it. Whoever has it keeps it for
    /// nothing: it is rolled back when it is let go.
    pub(super) fn call_in(&self) -> Option<Open> {
        self.0.try_lock().ok()?.take()
    }
}
