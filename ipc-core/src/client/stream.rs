//! One request, many replies, read one by one.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;

use super::records::{BrokenOff, Records};
use super::{CallError, Response, Unknown, UnknownReason};
use crate::contract::{ErrorReply, RawReply, StreamRequest};
use crate::envelope::Headers;

/// The replies to one stream request.
///
/// It ends with `None` after a good end; an error is the last item. Dropping it
/// before the end tells the service that nobody reads any more.
pub struct ReplyStream<R: StreamRequest> {
    items: Pin<Box<dyn Stream<Item = Item<R>> + Send>>,
    last: u32,
    headers: Headers,
    request: PhantomData<fn() -> R>,
}

type Item<R> = (
    u32,
    Result<<R as StreamRequest>::Item, CallError<<R as crate::contract::Request>::Error>>,
);

impl<R: StreamRequest> ReplyStream<R> {
    pub(super) fn new(response: Response) -> Self {
        let unknown = Unknown {
            correlation_id: response.id,
            reason: UnknownReason::Incomplete,
        };
        let status = response.status;
        let items = futures_util::stream::unfold(
            Some(response.records),
            move |records: Option<Records>| {
                let unknown = unknown.clone();
                async move {
                    let mut records = records?;
                    let next = records.next().await?;
                    let last = records.last();
                    Some(match next {
                        Ok(body) => {
                            let reply = RawReply {
                                status,
                                headers: Headers::new(),
                                body,
                            };
                            let item = R::decode_item(reply).map_err(CallError::Undecodable);
                            let rest = item.is_ok().then_some(records);
                            ((last, item), rest)
                        }
                        Err(BrokenOff::Told(reply)) => {
                            let error = CallError::Application(ErrorReply::new(reply));
                            ((last, Err(error)), None)
                        }
                        Err(BrokenOff::Incomplete) => ((last, Err(unknown.into())), None),
                    })
                }
            },
        );
        Self {
            items: Box::pin(items),
            last: 0,
            headers: response.headers,
            request: PhantomData,
        }
    }

    /// The position (`ipc-seq`) of the newest reply read: what to resume after,
    /// where the endpoint can resume.
    #[must_use]
    pub fn last_seq(&self) -> u32 {
        self.last
    }

    /// The HTTP headers the stream began with.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }
}

impl<R: StreamRequest> Stream for ReplyStream<R> {
    type Item = Result<R::Item, CallError<R::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.items.as_mut().poll_next(cx));
        Poll::Ready(next.map(|(last, item)| {
            self.last = last;
            item
        }))
    }
}

impl<R: StreamRequest> std::fmt::Debug for ReplyStream<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplyStream")
            .field("last_seq", &self.last)
            .finish_non_exhaustive()
    }
}
