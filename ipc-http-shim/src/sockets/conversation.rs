//! One WebSocket, from its opening to its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use ipc_core::envelope::Problem;
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::messages::Messages;
use super::metrics::Counted;
use crate::upstream::ReplyRecord;

/// What each direction may hold beside a message: many WebSockets are idle.
const BUFFER: usize = 4 * 1024;

/// How long a client has to take the end.
const FAREWELL: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What goes on between a client and a service.
pub(crate) struct Conversation {
    /// The replies of the service: a message each.
    pub(crate) records: BoxStream<'static, Result<ReplyRecord, Problem>>,
    /// Whether they are text.
    pub(crate) is_text: bool,
    /// Where the client's messages go, where they are taken.
    pub(crate) messages: Option<Messages>,
    /// Bytes of one of the client's messages.
    pub(crate) most: usize,
    /// How often the client is asked whether it is still there.
    pub(crate) ping: Duration,
    pub(crate) lifetime: Option<Duration>,
}

/// What shows that a client is there.
#[derive(Default)]
struct Signs {
    /// Whether it was heard since it was last asked.
    heard: AtomicBool,
    /// Whether it is not listened to, since its last message is not sent yet.
    unheeded: AtomicBool,
}

impl Conversation {
    /// Goes on until either side ends, or `draining`.
    pub(super) async fn run(
        mut self,
        client: Upgraded,
        counted: Counted,
        draining: CancellationToken,
    ) {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(self.most))
            .max_frame_size(Some(self.most));
        let io = TokioIo::new(client);
        let socket = Socket::from_raw_socket(io, Role::Server, Some(config)).await;
        let (mut to, mut from) = socket.split();
        let signs = Signs::default();
        let over = async {
            match self.lifetime {
                Some(lifetime) => sleep(lifetime).await,
                None => std::future::pending().await,
            }
        };
        let up = hear(&mut from, self.messages.as_ref(), &signs, &counted);
        let down = Telling {
            records: &mut self.records,
            is_text: self.is_text,
            ping: self.ping,
        };
        let end = tokio::select! {
            biased;
            () = draining.cancelled() => End::Draining,
            () = over => End::Lifetime,
            end = down.tell(&mut to, &signs, &counted) => end,
            end = up => end,
        };
        counted.ended(end.name());
        // The service need not wait for the farewell.
        drop(self);
        if let End::BrokenOff(problem) = &end {
            tracing::debug!(problem = problem.name(), "a WebSocket broke off");
        }
        if let Ok(socket) = from.reunite(to) {
            // Whoever does not take it is cut off.
            let _ = timeout(FAREWELL, bid_farewell(socket, end)).await;
        }
    }
}

/// Has the client's messages sent on, one after the other: one that is not taken yet keeps
/// the next from being read.
async fn hear(
    from: &mut SplitStream<Socket>,
    messages: Option<&Messages>,
    signs: &Signs,
    counted: &Counted,
) -> End {
    while let Some(message) = from.next().await {
        signs.heard.store(true, Ordering::Relaxed);
        let (payload, is_text) = match message {
            Ok(Message::Text(text)) => (Bytes::from(text), true),
            Ok(Message::Binary(bytes)) => (bytes, false),
            Ok(_) => continue,
            Err(error) => return End::of(&error),
        };
        let Some(messages) = messages else {
            return End::Unwanted;
        };
        signs.unheeded.store(true, Ordering::Relaxed);
        let sent = messages.send(payload, is_text).await;
        signs.unheeded.store(false, Ordering::Relaxed);
        if let Err(failure) = sent {
            return End::Unsent(failure);
        }
        counted.message_to_service();
    }
    End::Left
}

/// Tells a client what its service replies, and asks it whether it is still there.
struct Telling<'t> {
    records: &'t mut BoxStream<'static, Result<ReplyRecord, Problem>>,
    is_text: bool,
    ping: Duration,
}

impl Telling<'_> {
    async fn tell(
        self,
        to: &mut SplitSink<Socket, Message>,
        signs: &Signs,
        counted: &Counted,
    ) -> End {
        let Self {
            records,
            is_text,
            ping,
        } = self;
        let mut pings = interval_at(Instant::now() + ping, ping);
        // Not being heard before it was asked means nothing.
        signs.heard.store(true, Ordering::Relaxed);
        loop {
            let (message, is_reply) = tokio::select! {
                record = records.next() => match record {
                    Some(Ok(record)) => match message(record, is_text) {
                        Ok(message) => (message, true),
                        Err(problem) => return End::BrokenOff(problem),
                    },
                    Some(Err(problem)) => return End::BrokenOff(problem),
                    None => return End::Complete,
                },
                _ = pings.tick() => {
                    let heard = signs.heard.swap(false, Ordering::Relaxed);
                    if !heard && !signs.unheeded.load(Ordering::Relaxed) {
                        return End::Silent;
                    }
                    (Message::Ping(Bytes::new()), false)
                }
            };
            match timeout(ping, to.send(message)).await {
                Ok(Ok(())) if is_reply => counted.message_to_client(),
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Left,
                Err(_) => return End::Silent,
            }
        }
    }
}

fn message(record: ReplyRecord, is_text: bool) -> Result<Message, Problem> {
    let ReplyRecord { seq, payload } = record;
    if !is_text {
        return Ok(Message::Binary(payload));
    }
    match payload.try_into() {
        Ok(text) => Ok(Message::Text(text)),
        Err(_) => Err(
            Problem::new("malformed-reply", "the reply cannot be read", 502)
                .with_detail(format!("record {seq} is not UTF-8, as a text is")),
        ),
    }
}

/// Says how it ends, and waits until the client has taken that.
async fn bid_farewell(mut socket: Socket, end: End) {
    match end.told() {
        Some(frame) => {
            // It may be gone.
            let _ = socket.send(Message::Close(Some(frame))).await;
        }
        // What the client said last is answered.
        None => {
            let _ = socket.flush().await;
        }
    }
    let io = socket.get_mut();
    // A connection that is closed with something unread takes back what was said last.
    if io.shutdown().await.is_ok() {
        let _ = copy(io, &mut sink()).await;
    }
}
