//! Being told that nobody waits any more, instead of being dropped.

use std::ops::Deref;

use tokio_util::sync::CancellationToken as Token;

use super::facts::{Fact, extractors};
use crate::dispatch::Delivery;

/// Tells a handler that it should end, for handlers that want to finish something
/// first.
///
/// When a caller gives up, the handler of its call is dropped at its next await point.
/// A handler that extracts this is not: the token is cancelled, and the handler goes on
/// until it returns. Its answer is not sent then, but a reply that a dedup
/// [store](crate::store) asks for is kept.
///
/// - Its time stays its bound: at the caller's deadline, or at the endpoint's timeout,
///   it is dropped as any other. The token is cancelled before: when a tenth of the time
///   it had is left, at most a second.
/// - A call that is cancelled before its handler begins is not begun.
/// - A one-way has no caller that gives up: its token knows of its time alone.
/// - A reply stream ends when its caller gives up, whatever its handler extracted; the
///   token says so to what the handler has started beside it.
/// - It says nothing of a partition that moves or of an instance that drains.
///
/// Middleware that runs before extraction may still be dropped. Handlers of
/// [topics](crate::handler) find it as [`Delivery::cancellation`].
///
/// ```
/// use axum::{Router, routing::post};
/// use ipc_core::extract::CancellationToken;
///
/// async fn import(cancelled: CancellationToken, rows: String) -> String {
///     let mut imported = 0;
///     for row in rows.lines() {
///         if cancelled.is_cancelled() {
///             break; // what is done so far is kept
///         }
///         store(row).await;
///         imported += 1;
///     }
///     format!("{imported} rows")
/// }
/// # async fn store(_: &str) {}
///
/// let app: Router = Router::new().route("/import", post(import));
/// ```
#[derive(Clone, Debug)]
pub struct CancellationToken(pub Token);

impl Deref for CancellationToken {
    type Target = Token;

    fn deref(&self) -> &Token {
        &self.0
    }
}

impl Fact for CancellationToken {
    const MISSING: &'static str = "the request has nobody who may give up";

    fn of(delivery: &Delivery) -> Option<Self> {
        Some(Self(delivery.cancellation()))
    }
}

extractors!(CancellationToken);
