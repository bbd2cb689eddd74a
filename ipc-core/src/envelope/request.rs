//! The typed reading of a request record's headers.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::{CallerId, CorrelationId, Deadline, Headers, UnixMillis, names};

/// Where a reply goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyAddress {
    /// The caller's reply topic, not yet checked against any allow-list.
    pub topic: ByteString,
    /// The partition the caller reads; `None` lets the key decide.
    pub partition: Option<i32>,
}

/// What a caller can read beyond a single record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Accepts {
    /// Bodies cut into chunks.
    pub chunks: bool,
    /// One request, many replies.
    pub stream: bool,
}

impl Accepts {
    /// Everything this crate can read.
    pub const ALL: Self = Self {
        chunks: true,
        stream: true,
    };

    /// The header value.
    #[must_use]
    pub fn to_header(self) -> &'static str {
        match (self.chunks, self.stream) {
            (true, true) => "chunks, stream",
            (true, false) => "chunks",
            (false, true) => "stream",
            (false, false) => "",
        }
    }

    fn parse(value: &[u8]) -> Self {
        let mut accepts = Self::default();
        for token in value.split(|byte| *byte == b',') {
            match token.trim_ascii() {
                b"chunks" => accepts.chunks = true,
                b"stream" => accepts.stream = true,
                _ => {}
            }
        }
        accepts
    }
}

/// The part of a request that the framework itself reads.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestHead {
    /// Echoed on every reply.
    pub correlation_id: Option<CorrelationId>,
    /// Where the caller waits; `None` makes the record a one-way.
    pub reply_to: Option<ReplyAddress>,
    /// The HTTP method, where the record is HTTP-shaped.
    pub method: Option<ByteString>,
    /// The HTTP path with its query, where the record is HTTP-shaped.
    pub path: Option<ByteString>,
    /// When the caller stops waiting.
    pub deadline: Option<Deadline>,
    /// Who is calling.
    pub caller: Option<CallerId>,
    /// Delivery attempt, 1 on the first.
    pub attempt: u32,
    /// What the caller can read.
    pub accepts: Accepts,
    /// The caller's operation id.
    pub idempotency_key: Option<ByteString>,
    /// Position of this record in a chunked body.
    pub chunk: Option<u32>,
    /// Whether this is the last record of a chunked body.
    pub end: bool,
}

/// Why a request's headers cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A header that may stand once stands twice.
    #[error("header {name} is repeated: send it once")]
    Repeated {
        /// The header.
        name: &'static str,
    },
    /// A header's value is not of its form.
    #[error("header {name} is not {expected}")]
    Invalid {
        /// The header.
        name: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
    /// A header the record cannot do without is absent.
    #[error("header {name} is missing")]
    Missing {
        /// The header.
        name: &'static str,
    },
    /// The transport could not decode the record's headers at all.
    #[error("a header name is not UTF-8")]
    Undecodable,
}

impl RequestHead {
    /// Reads the headers of a request.
    ///
    /// # Errors
    ///
    /// [`Malformed`] names the first header that cannot be read. The head that
    /// comes with it still holds what could be: a caller that can be reached is
    /// told.
    pub fn parse(headers: &Headers) -> Result<Self, (Malformed, Box<Self>)> {
        let mut reader = Reader::default();
        for header in headers {
            if let Some(value) = &header.value {
                reader.read(&header.name, value);
            }
        }
        reader.finish()
    }

    /// Whether somebody waits for an answer.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.reply_to.is_some()
    }
}

#[derive(Default)]
struct Reader {
    head: RequestHead,
    seen: u16,
    reply_topic: Option<ByteString>,
    reply_partition: Option<i32>,
    deadline: Option<u64>,
    budget: Option<u64>,
    fault: Option<Malformed>,
}

impl Reader {
    fn read(&mut self, name: &str, value: &Bytes) {
        match name {
            names::CORRELATION_ID => {
                if self.once(0, names::CORRELATION_ID) {
                    self.head.correlation_id = Some(CorrelationId::from(value.clone()));
                }
            }
            names::REPLY_TOPIC => {
                if self.once(1, names::REPLY_TOPIC) {
                    self.reply_topic = self.text(names::REPLY_TOPIC, value);
                }
            }
            names::REPLY_PARTITION => {
                if self.once(2, names::REPLY_PARTITION) {
                    self.reply_partition = self.partition(value);
                }
            }
            names::METHOD => {
                if self.once(3, names::METHOD) {
                    self.head.method = self.text(names::METHOD, value);
                }
            }
            names::PATH => {
                if self.once(4, names::PATH) {
                    self.head.path = self.text(names::PATH, value);
                }
            }
            names::DEADLINE => {
                if self.once(5, names::DEADLINE) {
                    self.deadline = self.decimal(names::DEADLINE, value);
                }
            }
            names::BUDGET => {
                if self.once(6, names::BUDGET) {
                    self.budget = self.decimal(names::BUDGET, value);
                }
            }
            names::CALLER => {
                if self.once(7, names::CALLER) {
                    self.head.caller = self.text(names::CALLER, value).map(CallerId::from);
                }
            }
            names::ATTEMPT => {
                if self.once(8, names::ATTEMPT) {
                    self.head.attempt = self.decimal(names::ATTEMPT, value).unwrap_or(1);
                }
            }
            names::ACCEPT => self.head.accepts = Accepts::parse(value),
            names::CHUNK => {
                if self.once(9, names::CHUNK) {
                    self.head.chunk = self.decimal(names::CHUNK, value);
                }
            }
            names::END => self.head.end = value.as_ref() == b"1",
            names::IDEMPOTENCY_KEY => {
                self.head.idempotency_key = ByteString::try_from(value.clone()).ok();
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Result<RequestHead, (Malformed, Box<RequestHead>)> {
        self.head.attempt = self.head.attempt.max(1);
        self.head.deadline = self.deadline.map(|at| Deadline {
            at: UnixMillis(at),
            budget: self.budget.map(Duration::from_millis),
        });
        self.head.reply_to = self.reply_topic.map(|topic| ReplyAddress {
            topic,
            partition: self.reply_partition,
        });
        match self.fault {
            None => Ok(self.head),
            Some(fault) => Err((fault, Box::new(self.head))),
        }
    }

    /// False, with a fault noted, when this header was read before: which of
    /// two reply topics is meant must not be guessed.
    fn once(&mut self, bit: u8, name: &'static str) -> bool {
        let first = self.seen & (1 << bit) == 0;
        self.seen |= 1 << bit;
        if !first {
            self.fail(Malformed::Repeated { name });
        }
        first
    }

    fn fail(&mut self, fault: Malformed) {
        self.fault.get_or_insert(fault);
    }

    fn text(&mut self, name: &'static str, value: &Bytes) -> Option<ByteString> {
        let text = ByteString::try_from(value.clone()).ok();
        if text.is_none() {
            self.fail(Malformed::Invalid {
                name,
                expected: "UTF-8 text",
            });
        }
        text.map(unquote)
    }

    fn decimal<T: std::str::FromStr>(&mut self, name: &'static str, value: &[u8]) -> Option<T> {
        let number = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse().ok());
        if number.is_none() {
            self.fail(Malformed::Invalid {
                name,
                expected: "a decimal number in range",
            });
        }
        number
    }

    /// Four raw bytes from Spring, SmallRye and us; decimal text from NestJS.
    fn partition(&mut self, value: &[u8]) -> Option<i32> {
        let partition = match <[u8; 4]>::try_from(value) {
            Ok(raw) => Some(i32::from_be_bytes(raw)),
            Err(_) => self.decimal(names::REPLY_PARTITION, value),
        };
        if partition.is_some_and(|partition| partition < 0) {
            self.fail(Malformed::Invalid {
                name: names::REPLY_PARTITION,
                expected: "a partition number from 0",
            });
        }
        partition.filter(|partition| *partition >= 0)
    }
}

/// Spring's JSON header mapper may put string headers between quotes.
fn unquote(text: ByteString) -> ByteString {
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) => text.slice_ref(inner),
        None => text,
    }
}
