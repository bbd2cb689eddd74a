//! One thing that happened to a message.

use std::fmt;
use std::sync::Arc;

use crate::envelope::{Control, Headers, ReplyHead, RequestHead, Trail, UnixMillis, names};
use crate::redrive::{DeadLetter, Place, State};
use crate::transport::Received;

/// One record that tells of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Step {
    /// When it was written.
    pub at: Option<UnixMillis>,
    /// The topic it is in.
    pub topic: Arc<str>,
    /// Where in the topic.
    pub place: Place,
    /// What it tells.
    pub what: What,
}

/// What a record tells of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum What {
    /// The request was sent, or a piece of it.
    Request {
        /// The HTTP method.
        method: Option<String>,
        /// The HTTP path with its query.
        path: Option<String>,
        /// Which piece, where its body travels in several.
        chunk: Option<u32>,
        /// Whether somebody waits for an answer.
        is_call: bool,
        /// How often it was sent back from the dead-letter topic.
        replays: u64,
    },
    /// The request was answered, or a piece of the answer was.
    Reply {
        /// The HTTP status.
        status: u16,
        /// Which reply of a stream.
        seq: Option<u32>,
        /// Which piece, where its body travels in several.
        chunk: Option<u32>,
        /// Whether nothing follows.
        end: bool,
    },
    /// The caller stopped waiting.
    Cancel,
    /// The caller said how much of the answer it has consumed.
    Credit {
        /// Body bytes, in all.
        bytes: u64,
    },
    /// The request was given up.
    DeadLetter {
        /// Why.
        reason: String,
        /// The topic it was in, and where.
        original: Option<(String, Place)>,
    },
    /// The request was put aside with its key: it waits there for an attempt.
    Parked {
        /// Under which key it stands there.
        entry: String,
        /// The topic it was in, and where.
        original: (String, Place),
        /// Which attempt it waits for.
        attempt: u32,
        /// When that is due.
        due: UnixMillis,
    },
    /// It stands no longer under this key among what is parked.
    Unparked {
        /// The key.
        entry: String,
        /// Whether that is because it is done with. Else it stands there under another
        /// key, written by its next owner.
        settled: bool,
    },
    /// What was decided for the dead letter at a place.
    Settled {
        /// The letter.
        letter: Place,
        /// What.
        state: State,
    },
}

impl Step {
    fn new(record: &Received, what: What) -> Self {
        Self {
            at: record.origin.timestamp.millis(),
            topic: Arc::clone(&record.origin.partition.topic),
            place: Place::of(&record.origin),
            what,
        }
    }

    /// How often the request was sent back by then.
    pub(super) fn replays(&self) -> u64 {
        match self.what {
            What::Request { replays, .. } => replays,
            _ => 0,
        }
    }

    /// A record of a topic of requests, where it is of the message `id`.
    pub(super) fn of_request(record: &Received, id: &str) -> Option<(Self, RequestHead)> {
        let head = request_head(&record.envelope.headers);
        if head.correlation_id.as_ref()?.to_string() != id {
            return None;
        }
        let replays = record.envelope.headers.get_str(names::DLQ_REPLAYS);
        let what = What::Request {
            method: head.method.as_ref().map(ToString::to_string),
            path: head.path.as_ref().map(ToString::to_string),
            chunk: head.chunk,
            is_call: head.is_call(),
            replays: replays.and_then(|text| text.parse().ok()).unwrap_or(0),
        };
        Some((Self::new(record, what), head))
    }

    /// A record of a topic of replies, where it is of the message `id`.
    pub(super) fn of_reply(record: &Received, id: &str) -> Option<Self> {
        let headers = &record.envelope.headers;
        if headers.contains(names::CONTROL) {
            return None;
        }
        let head = ReplyHead::parse(headers)?;
        let is_it = head.correlation_id.to_string() == id;
        is_it.then(|| {
            let what = What::Reply {
                status: head.status,
                seq: head.seq,
                chunk: head.chunk,
                end: head.end,
            };
            Self::new(record, what)
        })
    }

    /// A control record, where it is about the message `id`.
    pub(super) fn of_control(record: &Received, id: &str) -> Option<Self> {
        let (correlation_id, what) = match Control::parse(&record.envelope.headers)? {
            Control::Cancel { correlation_id, .. } => (correlation_id, What::Cancel),
            Control::Credit {
                correlation_id,
                bytes,
                ..
            } => (correlation_id, What::Credit { bytes }),
            Control::Presence { .. } | Control::Farewell { .. } | Control::Ping { .. } => {
                return None;
            }
        };
        (correlation_id.to_string() == id).then(|| Self::new(record, what))
    }

    /// A dead letter, where it is of the message `id`.
    pub(super) fn of_letter(record: &Received, id: &str) -> Option<Self> {
        let head = request_head(&record.envelope.headers);
        if head.correlation_id?.to_string() != id {
            return None;
        }
        let letter = DeadLetter::new(record.clone());
        let original = letter
            .topic()
            .map(str::to_owned)
            .zip(letter.original_place());
        let what = What::DeadLetter {
            reason: letter.reason().to_owned(),
            original,
        };
        Some(Self::new(record, what))
    }

    /// A record of a topic of parked keys, where it is the message `id`.
    pub(super) fn of_parked(record: &Received, id: &str) -> Option<Self> {
        let headers = &record.envelope.headers;
        record.envelope.payload.as_ref()?;
        let head = request_head(headers);
        if head.correlation_id?.to_string() != id {
            return None;
        }
        let trail = Trail::read(headers)?;
        let original = Place {
            partition: trail.partition,
            offset: trail.offset,
        };
        let what = What::Parked {
            entry: entry(record)?,
            original: (trail.topic.to_string(), original),
            attempt: head.attempt,
            due: trail.due,
        };
        Some(Self::new(record, what))
    }

    /// A record of a topic of parked keys that ends what stands under its key.
    pub(super) fn of_parked_end(record: &Received) -> Option<Self> {
        let is_end = record.envelope.payload.is_none();
        let entry = entry(record).filter(|_| is_end)?;
        let settled = record.envelope.headers.contains(names::RETRY_SETTLED);
        Some(Self::new(record, What::Unparked { entry, settled }))
    }

    /// The key of what is parked, where it tells of that.
    pub(super) fn entry(&self) -> Option<&str> {
        match &self.what {
            What::Parked { entry, .. } | What::Unparked { entry, .. } => Some(entry),
            _ => None,
        }
    }

    /// What was decided for a letter, by the mark that `record` is.
    pub(super) fn of_mark(record: &Received, letter: Place, state: State) -> Self {
        Self::new(record, What::Settled { letter, state })
    }
}

/// The key of a record of parked keys: those that are written are text.
fn entry(record: &Received) -> Option<String> {
    let key = record.envelope.key.as_deref()?;
    String::from_utf8(key.to_vec()).ok()
}

/// The head as far as it can be read.
fn request_head(headers: &Headers) -> RequestHead {
    RequestHead::parse(headers).unwrap_or_else(|(_, head)| *head)
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let piece = |f: &mut fmt::Formatter<'_>, chunk: &Option<u32>| match chunk {
            Some(number) => write!(f, ", chunk {number}"),
            None => Ok(()),
        };
        match self {
            Self::Request {
                method,
                path,
                chunk,
                is_call,
                replays,
            } => {
                let kind = if *is_call { "call" } else { "one-way" };
                let sent = if *replays > 0 { "sent back" } else { "sent" };
                write!(f, "{kind} {sent}")?;
                for part in [method, path].into_iter().flatten() {
                    write!(f, " {part}")?;
                }
                piece(f, chunk)
            }
            Self::Reply {
                status,
                seq,
                chunk,
                end,
            } => {
                write!(f, "answered {status}")?;
                if let Some(seq) = seq {
                    write!(f, ", reply {seq} of a stream")?;
                }
                piece(f, chunk)?;
                f.write_str(if *end { "" } else { ", more follows" })
            }
            Self::Cancel => f.write_str("cancelled by its caller"),
            Self::Credit { bytes } => write!(f, "{bytes} bytes of the answer consumed"),
            Self::DeadLetter { reason, .. } => write!(f, "given up: {reason}"),
            Self::Parked { attempt, .. } => {
                write!(f, "parked with its key, before attempt {attempt}")
            }
            Self::Unparked { settled: true, .. } => f.write_str("parked no longer: done with"),
            Self::Unparked { settled: false, .. } => {
                f.write_str("parked no longer by its owner before")
            }
            Self::Settled { letter, state } => write!(f, "dead letter {letter} {state}"),
        }
    }
}
