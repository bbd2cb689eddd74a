//! One request, many replies.

use futures_util::Stream;

use super::{HandlerError, Message};

/// Answers requests whose body is a `T` with a stream of replies.
///
/// Closures of a [`Message<T>`] that return a future of a `Result` of a stream
/// are handlers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not answer requests of `{T}` with a stream",
    note = "implement `StreamHandler<{T}>`, or pass a closure: `|message: Message<{T}>| async \
            move {{ Ok::<_, HandlerError>(stream_of_results) }}`",
    note = "its future and its stream must be `Send`"
)]
pub trait StreamHandler<T>: Send + Sync + 'static {
    /// One reply of many.
    type Item: Send + 'static;
    /// The replies. An error ends them, and is the last thing the caller gets.
    type Replies: Stream<Item = Result<Self::Item, HandlerError>> + Send + 'static;

    /// Begins to answer one request.
    ///
    /// # Errors
    ///
    /// What the caller gets instead of a stream; see [`HandlerError`].
    ///
    /// # Cancel safety
    ///
    /// The future is dropped at its deadline and when the caller gives up; so is
    /// the stream when the caller does.
    fn handle(
        &self,
        message: Message<T>,
    ) -> impl Future<Output = Result<Self::Replies, HandlerError>> + Send;
}

impl<F, Fut, T, S, I, E> StreamHandler<T> for F
where
    F: Fn(Message<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<S, E>> + Send,
    S: Stream<Item = Result<I, HandlerError>> + Send + 'static,
    T: Send,
    I: Send + 'static,
    E: Into<HandlerError>,
{
    type Item = I;
    type Replies = S;

    async fn handle(&self, message: Message<T>) -> Result<S, HandlerError> {
        self(message).await.map_err(E::into)
    }
}
