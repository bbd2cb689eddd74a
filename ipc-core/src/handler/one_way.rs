//! Records nobody waits for.

use super::{HandlerError, Message};

/// Takes records whose body is a `T`, and answers nothing.
///
/// A caller who does wait is told 202 once the work is done. Closures of a
/// [`Message<T>`] that return a future of a `Result<(), _>` are handlers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not take one-way records of `{T}`",
    note = "implement `OneWayHandler<{T}>`, or pass a closure: `|message: Message<{T}>| async \
            move {{ Ok::<_, HandlerError>(()) }}`",
    note = "its future must be `Send`"
)]
pub trait OneWayHandler<T>: Send + Sync + 'static {
    /// Takes one record.
    ///
    /// # Errors
    ///
    /// What becomes of the record then is for [`HandlerError`] to say.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped at its timeout, and the record counts as failed:
    /// what must not stop half-way belongs in a task of its own.
    fn handle(&self, message: Message<T>) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

impl<F, Fut, T, E> OneWayHandler<T> for F
where
    F: Fn(Message<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send,
    T: Send,
    E: Into<HandlerError>,
{
    async fn handle(&self, message: Message<T>) -> Result<(), HandlerError> {
        self(message).await.map_err(E::into)
    }
}
