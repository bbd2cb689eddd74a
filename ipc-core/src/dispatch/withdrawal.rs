//! Callers that stop waiting, and handlers that want to know.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::Poll;

use tokio_util::sync::CancellationToken;

use super::sync::{AtomicBool, AtomicWaker, Ordering};

/// What one run of a handler has to do with its caller's giving up: that ends the
/// handler, unless it has asked to be told instead.
#[derive(Debug, Default)]
pub(crate) struct Withdrawal {
    gone: AtomicBool,
    waiting: AtomicWaker,
    /// Made when the handler asks.
    told: OnceLock<Told>,
}

/// What a handler is told by.
#[derive(Debug)]
struct Told {
    /// Cancelled when the caller gives up.
    caller: CancellationToken,
    /// Its child, which the handler has: cancelled shortly before its time is over, too.
    handler: CancellationToken,
}

impl Withdrawal {
    /// The caller has gone.
    pub(super) fn withdraw(&self) {
        self.gone.store(true, Ordering::Release);
        self.waiting.wake();
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// What tells the handler, which is not ended by its caller from now on.
    pub(crate) fn token(&self) -> CancellationToken {
        let told = self.told.get_or_init(|| {
            let caller = CancellationToken::new();
            let handler = caller.child_token();
            Told { caller, handler }
        });
        self.tell();
        told.handler.clone()
    }

    /// What has yet to tell the handler that it must end, where it has asked.
    pub(crate) fn untold(&self) -> Option<&CancellationToken> {
        let handler = &self.told.get()?.handler;
        (!handler.is_cancelled()).then_some(handler)
    }

    /// What is cancelled when the caller gives up, where the handler has asked for it.
    pub(super) fn caller(&self) -> Option<&CancellationToken> {
        self.told.get().map(|told| &told.caller)
    }

    /// Runs a handler; `None` where its caller has gone and it did not ask to be told.
    pub(super) async fn run<F: Future>(&self, mut handler: Pin<&mut F>) -> Option<F::Output> {
        poll_fn(|cx| {
            if self.ends() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(output) = handler.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            self.waiting.register(cx.waker());
            // It may have gone before there was anybody to wake.
            match self.ends() {
                true => Poll::Ready(None),
                false => Poll::Pending,
            }
        })
        .await
    }

    /// Whether the handler ends now.
    fn ends(&self) -> bool {
        self.tell();
        self.is_withdrawn() && self.told.get().is_none()
    }

    fn tell(&self) {
        if let Some(told) = self.told.get()
            && self.is_withdrawn()
        {
            told.caller.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn a_handler_that_did_not_ask_ends_with_its_caller() {
        let withdrawal = Withdrawal::default();
        let handler = pin!(pending::<()>());
        let mut run = pin!(withdrawal.run(handler));
        assert_eq!(poll!(&mut run), Poll::Pending);
        withdrawal.withdraw();
        assert_eq!(run.await, None);
    }

    #[tokio::test]
    async fn one_that_was_withdrawn_before_is_not_begun() {
        let withdrawal = Withdrawal::default();
        withdrawal.withdraw();
        let handler = pin!(async { unreachable!("the caller has gone") });
        assert_eq!(withdrawal.run(handler).await, None::<()>);
    }

    #[tokio::test]
    async fn a_handler_that_asked_is_told_and_goes_on() {
        let withdrawal = Withdrawal::default();
        let token = withdrawal.token();
        let handler = pin!(async {
            token.cancelled().await;
            "finished"
        });
        let mut run = pin!(withdrawal.run(handler));
        assert_eq!(poll!(&mut run), Poll::Pending);
        withdrawal.withdraw();
        assert_eq!(run.await, Some("finished"));
        assert!(withdrawal.is_withdrawn());
    }

    #[tokio::test]
    async fn a_handler_that_asks_too_late_is_told_at_once() {
        let withdrawal = Withdrawal::default();
        let handler = pin!(async {
            withdrawal.withdraw();
            let told = withdrawal.token().is_cancelled();
            tokio::task::yield_now().await;
            told
        });
        assert_eq!(withdrawal.run(handler).await, Some(true));
    }

    #[test]
    fn the_end_of_its_time_says_nothing_of_its_caller() {
        let withdrawal = Withdrawal::default();
        let token = withdrawal.token();
        withdrawal.untold().expect("it was not told").cancel();
        assert!(token.is_cancelled());
        assert!(withdrawal.untold().is_none());
        assert!(!withdrawal.caller().expect("it asked").is_cancelled());
    }
}
