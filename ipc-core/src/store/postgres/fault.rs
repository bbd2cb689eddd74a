//! What the database says, and what it means for a claim.

use std::time::Duration;

use sqlx::postgres::PgPool;

use super::NAME;
use crate::store::StoreError;

/// SQLSTATE: a lock did not come free within `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// SQLSTATE: a statement ran for longer than `statement_timeout`, or was ended by hand.
const QUERY_CANCELED: &str = "57014";
/// SQLSTATE: a statement before this one failed in the transaction.
const IN_FAILED_TRANSACTION: &str = "25P02";
/// SQLSTATE: the transaction that the statement needs is not there any more.
const NO_TRANSACTION: &str = "25P01";
/// SQLSTATE: the savepoint is not there any more.
const NO_SAVEPOINT: &str = "3B001";
/// The class of SQLSTATEs that a constraint answers with, deferred ones at the commit.
const INTEGRITY: &str = "23";

/// `what` failed, as the service and its logs hear of it.
pub(super) fn of(pool: &PgPool, what: &str, error: sqlx::Error) -> StoreError {
    let said = said(&error);
    StoreError::new(NAME, format!("{} {what}: {said}", address(pool))).because(error)
}

/// There was no connection to be had.
pub(super) fn no_connection(pool: &PgPool, within: Duration) -> StoreError {
    let most = pool.options().get_max_connections();
    let reason = format!(
        "no connection to {} within {within:?}: it does not answer, or each of the {most} that \
         its pool allows is held by a claim while its handler runs (max_connections)",
        address(pool)
    );
    StoreError::new(NAME, reason)
}

/// Where the database is, without who asks and how they prove it.
pub(super) fn address(pool: &PgPool) -> String {
    let options = pool.connect_options();
    let database = options.get_database().unwrap_or("its default database");
    match options.get_socket() {
        Some(socket) => format!("{}, {database}", socket.display()),
        None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

/// The database's own words, which name no value that it was given.
pub(crate) fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}

/// Whether another transaction holds what was waited for.
pub(super) fn is_held_by_another(error: &sqlx::Error) -> bool {
    [LOCK_NOT_AVAILABLE, QUERY_CANCELED].contains(&&*code(error))
}

/// What the handler did to its transaction, where that is why `error` came.
pub(super) fn by_the_handler(error: &sqlx::Error) -> Option<&'static str> {
    match &*code(error) {
        IN_FAILED_TRANSACTION => {
            Some("a statement failed in it: the handler must answer with an error then")
        }
        NO_TRANSACTION | NO_SAVEPOINT => Some(ENDED),
        _ => None,
    }
}

/// What is wrong where the transaction is another one.
pub(super) const ENDED: &str = "the handler ended it: it is the service's to commit or to undo";

/// Whether the commit was refused for what was written, which another run meets again.
pub(super) fn is_refused(error: &sqlx::Error) -> bool {
    code(error).starts_with(INTEGRITY)
}

fn code(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    code.unwrap_or_default().into_owned()
}
