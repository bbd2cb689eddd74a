//! Writing answers, and knowing that they are in the log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use parking_lot::Mutex;

use super::basket::Basket;
use super::notice::Notice;
use super::open_replies::{OpenReplies, OpenReply};
use super::outcome::document;
use super::report::{Answer, How, Ticket};
use super::{BodyStream, Delivery, Reason, Record, Reply, ReplyBody};
use crate::envelope::control::Control;
use crate::envelope::reply::{ReplyPart, ReplyWriter};
use crate::envelope::{
    Dialect, Envelope, HandlerTime, Headers, Problem, QueueTime, RequestHead, UnixMillis, names,
};
use crate::metrics::Settled;
use crate::transport::{Ack, Outgoing, Placed, Receipt, SendError, Settle, Transport};

/// Four ASCII digits read as an integer exceed this, and no topic has as many.
const MOST_PARTITIONS: i32 = 1_000_000;
/// Between two tries to write a reply the broker did not acknowledge.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers callers.
pub(crate) struct Replier {
    transport: Arc<dyn Transport>,
    pub(super) open: OpenReplies,
    /// Named on reply streams, so that a caller notices when it dies.
    instance: ByteString,
    /// The topic answered to last: callers mostly share one.
    last_topic: Mutex<Arc<str>>,
}

impl Replier {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        open: OpenReplies,
        instance: ByteString,
    ) -> Self {
        Self {
            transport,
            open,
            instance,
            last_topic: Mutex::default(),
        }
    }

    /// Answers the caller of `delivery`. An answer in one record is reported by its
    /// acknowledgement: then there is nothing to say here. Otherwise it returns
    /// when the answer is in the log; for a reply stream, when its first record is,
    /// and the rest goes on.
    ///
    /// A reply topic that cannot be written to ends the matter: nobody can be
    /// told.
    pub(super) async fn answer(
        self: &Arc<Self>,
        ticket: Ticket,
        delivery: &Delivery,
        reply: Reply,
        basket: &Arc<Basket>,
    ) -> Option<How> {
        let settled = answered(&reply);
        let Some(address) = self.address(delivery) else {
            return Some(How::Settled(settled));
        };
        let Reply {
            status,
            mut headers,
            body,
            ..
        } = reply;
        if let Some(queued) = queued(delivery) {
            headers.push_static(names::QUEUED, queued);
        }
        if let Some(handled) = handled(delivery) {
            headers.push_static(names::HANDLED, handled);
        }
        // Boxed where the state is large: most answers are one record.
        let written = match body {
            ReplyBody::Full(body) => {
                self.hand_over(Answer {
                    record: address.record(status, ReplyPart::Whole, headers, body),
                    ticket,
                    settled,
                    basket: Arc::clone(basket),
                });
                return None;
            }
            ReplyBody::Chunked(body) => {
                let chunks = self.open.begin(delivery);
                Box::pin(chunks.send_chunks(self, address.clone(), status, headers, body)).await
            }
            ReplyBody::Stream(body) => {
                Box::pin(self.stream(delivery, &address, status, headers, body)).await
            }
        };
        Some(self.conclude(&address, settled, written).await)
    }

    /// Tells a sender where its dead letter lies, if that can be done soon.
    pub(super) async fn notify(&self, notice: Notice, letter: Placed) {
        notice.send(&*self.transport, letter).await;
    }

    fn address(&self, record: &Record) -> Option<Address> {
        let to = record.head.reply_to.as_ref()?;
        Some(Address {
            topic: self.topic(&to.topic),
            partition: to.partition(MOST_PARTITIONS),
            key: record.envelope.key.clone(),
            writer: ReplyWriter::new(&record.head),
        })
    }

    fn topic(&self, name: &str) -> Arc<str> {
        let mut last = self.last_topic.lock();
        if **last != *name {
            *last = Arc::from(name);
        }
        Arc::clone(&last)
    }

    fn hand_over(&self, answer: Answer) {
        let answer = Arc::new(answer);
        let ack = Ack::to(Arc::clone(&answer) as Arc<dyn Settle>);
        self.transport.send(&answer.record, ack);
    }

    /// Sees to an answer that did not get into the log at once.
    pub(super) async fn see_to(&self, answer: &Answer, record: &Record, error: SendError) -> How {
        let written = if error.is_passing() {
            tracing::debug!(%error, "reply not acknowledged; trying again");
            tokio::time::sleep(PAUSE).await;
            self.settle(&answer.record).await.map(drop)
        } else {
            Err(error)
        };
        match self.address(record) {
            Some(address) => self.conclude(&address, answer.settled, written).await,
            None => How::Settled(answer.settled),
        }
    }

    /// What the request came to, once its answer was written or not. A caller whose
    /// answer is larger than its topic takes is told.
    async fn conclude(
        &self,
        address: &Address,
        settled: Settled,
        written: Result<(), SendError>,
    ) -> How {
        let told = match written {
            Err(SendError::TooLarge { topic, reason }) => {
                tracing::warn!(topic, reason, "a reply does not fit its topic");
                self.settle(&too_large(address)).await.map(drop)
            }
            Err(SendError::Refused { topic, reason }) => {
                tracing::warn!(
                    topic,
                    reason,
                    "a reply cannot be written; its caller is not told"
                );
                Ok(())
            }
            written => written,
        };
        match told {
            Ok(()) => How::Settled(settled),
            Err(error) => {
                tracing::warn!(%error, "reply not acknowledged; the request will be redelivered");
                How::Unsettled
            }
        }
    }

    async fn stream(
        self: &Arc<Self>,
        delivery: &Delivery,
        address: &Address,
        status: u16,
        headers: Headers,
        body: BodyStream,
    ) -> Result<(), SendError> {
        match self.open.try_begin_stream(delivery) {
            None => self.settle(&too_many_streams(address)).await.map(drop),
            Some(stream) if delivery.head.dialect == Dialect::Native => {
                self.open_stream(stream, address.clone(), status, headers, body)
                    .await
            }
            // Others take every record for a reply, so there is none that only
            // opens the stream: the request is held until its end.
            Some(stream) => {
                stream.send_records(self, address.clone(), body).await;
                Ok(())
            }
        }
    }

    /// The first record carries status and headers; once the log has it the
    /// stream goes on by itself.
    async fn open_stream(
        self: &Arc<Self>,
        stream: OpenReply,
        address: Address,
        status: u16,
        mut headers: Headers,
        body: BodyStream,
    ) -> Result<(), SendError> {
        headers.push_static(names::INSTANCE, self.instance.as_bytes().clone());
        let head = address.stream_record(status, 0, false, headers, Bytes::new());
        let placed = self.settle(&head).await?;
        let address = address.at(placed.partition);
        let (tasks, replier) = (stream.tasks(), Arc::clone(self));
        tasks.spawn(async move { stream.send_records(&replier, address, body).await });
        Ok(())
    }

    /// Sends until the log has the record. Gives up only where no repetition helps.
    pub(super) async fn settle(&self, record: &Outgoing) -> Result<Placed, SendError> {
        loop {
            match self.send(record).await {
                Err(error) if error.is_passing() => {
                    tracing::debug!(%error, "reply not acknowledged; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
                settled => return settled,
            }
        }
    }

    /// Tells the sender of a request in chunks how much of it has been taken.
    pub(super) fn credit(&self, head: &RequestHead, bytes: u64) {
        let (Some(to), Some(id), Some(caller)) =
            (&head.reply_to, &head.correlation_id, &head.caller)
        else {
            return;
        };
        let credit = Control::Credit {
            correlation_id: id.clone(),
            caller: caller.clone(),
            bytes,
            records: None,
        };
        let record = Outgoing {
            topic: Arc::from(&*to.topic),
            partition: to.partition(MOST_PARTITIONS),
            envelope: credit.to_envelope(),
        };
        self.transport.send(&record, Ack::ignored());
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.transport.now()
    }

    pub(super) fn send(&self, record: &Outgoing) -> Receipt {
        self.transport.append(record)
    }
}

/// How long a record waited for its handler, where that is worth telling. What waited
/// for another attempt was not held up by others.
fn queued(delivery: &Delivery) -> Option<Bytes> {
    let written = delivery.origin.timestamp.millis()?;
    let waited = QueueTime(delivery.began_at.since(written));
    // Callers that are not ours make nothing of it.
    let of_use = delivery.head.caller.is_some() && delivery.past.is_none();
    waited.write().filter(|_| of_use)
}

/// How long a record took its handler, where that is worth telling.
fn handled(delivery: &Delivery) -> Option<Bytes> {
    // Callers that are not ours make nothing of it.
    delivery.head.caller.as_ref()?;
    HandlerTime(delivery.began.elapsed()).write()
}

/// The row of the outcome table an answer belongs to.
pub(super) fn answered(reply: &Reply) -> Settled {
    match reply.cause {
        Some(Reason::Expired) => Settled::Expired,
        Some(Reason::Undecodable) => Settled::Undecodable,
        Some(Reason::UnknownEndpoint) => Settled::UnknownEndpoint,
        Some(Reason::Panic) => Settled::Panic,
        _ if matches!(reply.body, ReplyBody::Stream(_)) => Settled::StreamOpened,
        _ => Settled::reply(reply.status),
    }
}

fn too_many_streams(address: &Address) -> Outgoing {
    let problem = Problem::new("too-many-streams", "Too many reply streams are open", 503);
    let (mut headers, body) = document(&problem);
    headers.push_static("retry-after", Bytes::from_static(b"1"));
    address.record(503, ReplyPart::Whole, headers, body)
}

fn too_large(address: &Address) -> Outgoing {
    let (headers, body) = document(&reply_too_large());
    address.record(502, ReplyPart::Whole, headers, body)
}

/// Told in place of a reply that its topic refuses.
pub(super) fn reply_too_large() -> Problem {
    let title = "The reply does not fit one record of its topic";
    Problem::new("reply-too-large", title, 502)
}

/// Where the answers to one request go, and what they must echo.
#[derive(Clone)]
pub(super) struct Address {
    topic: Arc<str>,
    partition: Option<i32>,
    key: Option<Bytes>,
    writer: ReplyWriter,
}

impl Address {
    /// The same, with every further record on one partition.
    pub(super) fn at(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    pub(super) fn record(
        &self,
        status: u16,
        part: ReplyPart,
        mut headers: Headers,
        body: Bytes,
    ) -> Outgoing {
        headers.reserve(ReplyWriter::MOST_HEADERS);
        let mut envelope = Envelope {
            headers,
            key: self.key.clone(),
            payload: Some(body),
        };
        self.writer.write(status, part, &mut envelope);
        Outgoing {
            topic: Arc::clone(&self.topic),
            partition: self.partition,
            envelope,
        }
    }

    pub(super) fn stream_record(
        &self,
        status: u16,
        seq: u32,
        end: bool,
        headers: Headers,
        body: Bytes,
    ) -> Outgoing {
        self.record(status, ReplyPart::Stream { seq, end }, headers, body)
    }

    pub(super) fn chunk_record(
        &self,
        status: u16,
        chunk: u32,
        end: bool,
        headers: Headers,
        body: Bytes,
    ) -> Outgoing {
        self.record(status, ReplyPart::Chunk { chunk, end }, headers, body)
    }
}
