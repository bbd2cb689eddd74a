//! One request, one reply.

use super::{HandlerError, Message};

/// Answers requests whose body is a `T`.
///
/// Closures of a [`Message<T>`] that return a future of a `Result` are handlers.
/// By hand:
///
/// ```
/// use ipc_core::handler::{HandlerError, Message, RequestHandler};
///
/// struct Doubler;
///
/// impl RequestHandler<u32> for Doubler {
///     type Reply = u32;
///
///     async fn handle(&self, message: Message<u32>) -> Result<u32, HandlerError> {
///         Ok(message.body * 2)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not answer requests of `{T}`",
    note = "implement `RequestHandler<{T}>`, or pass a closure: `|message: Message<{T}>| async \
            move {{ Ok::<_, HandlerError>(reply) }}`",
    note = "its future must be `Send`"
)]
pub trait RequestHandler<T>: Send + Sync + 'static {
    /// What callers get.
    type Reply: Send;

    /// Answers one request.
    ///
    /// # Errors
    ///
    /// What the caller gets instead; see [`HandlerError`].
    ///
    /// # Cancel safety
    ///
    /// The future is dropped at its deadline and when the caller gives up: what
    /// must not stop half-way belongs in a task of its own.
    fn handle(
        &self,
        message: Message<T>,
    ) -> impl Future<Output = Result<Self::Reply, HandlerError>> + Send;
}

impl<F, Fut, T, R, E> RequestHandler<T> for F
where
    F: Fn(Message<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send,
    T: Send,
    R: Send,
    E: Into<HandlerError>,
{
    type Reply = R;

    async fn handle(&self, message: Message<T>) -> Result<R, HandlerError> {
        self(message).await.map_err(E::into)
    }
}
