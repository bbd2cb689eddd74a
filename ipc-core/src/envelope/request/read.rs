//! From a request's headers to its head, in one pass.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::super::{CallerId, CorrelationId, Deadline, Headers, UnixMillis, decimal, names};
use super::{Accepts, ReplyAddress, ReplyPartition, RequestHead};

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

pub(super) fn request(headers: &Headers) -> Result<RequestHead, (Malformed, Box<RequestHead>)> {
    let mut reader = Reader::default();
    for header in headers {
        if let Some(value) = &header.value {
            reader.read(&header.name, value);
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    head: RequestHead,
    seen: u16,
    reply_topic: Option<ByteString>,
    reply_partition: Option<ReplyPartition>,
    deadline: Option<u64>,
    budget: Option<u64>,
    fault: Option<Malformed>,
}

impl Reader {
    fn read(&mut self, name: &str, value: &Bytes) {
        match name {
            names::CORRELATION_ID if self.once(0, names::CORRELATION_ID) => {
                self.head.correlation_id = Some(CorrelationId::from(value.clone()));
            }
            names::REPLY_TOPIC if self.once(1, names::REPLY_TOPIC) => {
                self.reply_topic = self.topic(names::REPLY_TOPIC, value);
            }
            names::REPLY_PARTITION if self.once(2, names::REPLY_PARTITION) => {
                self.reply_partition = self.partition(names::REPLY_PARTITION, value);
            }
            names::METHOD if self.once(3, names::METHOD) => {
                self.head.method = self.text(names::METHOD, value);
            }
            names::PATH if self.once(4, names::PATH) => {
                self.head.path = self.text(names::PATH, value);
            }
            names::DEADLINE if self.once(5, names::DEADLINE) => {
                self.deadline = self.decimal(names::DEADLINE, value);
            }
            names::BUDGET if self.once(6, names::BUDGET) => {
                self.budget = self.decimal(names::BUDGET, value);
            }
            names::CALLER if self.once(7, names::CALLER) => {
                self.head.caller = self.text(names::CALLER, value).map(CallerId::from);
            }
            names::ATTEMPT if self.once(8, names::ATTEMPT) => {
                self.head.attempt = self.decimal(names::ATTEMPT, value).unwrap_or(1);
            }
            names::ACCEPT if self.once(9, names::ACCEPT) => {
                self.head.accepts = Accepts::parse(value);
            }
            names::CHUNK if self.once(10, names::CHUNK) => {
                self.head.chunk = self.decimal(names::CHUNK, value);
            }
            names::END if self.once(11, names::END) => self.head.end = value.as_ref() == b"1",
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

    /// Notes a fault where there is no value.
    fn expect<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        value: Option<T>,
    ) -> Option<T> {
        if value.is_none() {
            self.fail(Malformed::Invalid { name, expected });
        }
        value
    }

    fn text(&mut self, name: &'static str, value: &Bytes) -> Option<ByteString> {
        let text = ByteString::try_from(value.clone()).ok();
        self.expect(name, "UTF-8 text", text).map(unquote)
    }

    fn topic(&mut self, name: &'static str, value: &Bytes) -> Option<ByteString> {
        let topic = self.text(name, value)?;
        let topic = Some(topic).filter(|topic| !topic.is_empty());
        self.expect(name, "a topic's name", topic)
    }

    fn decimal<T: std::str::FromStr>(&mut self, name: &'static str, value: &[u8]) -> Option<T> {
        self.expect(name, "a decimal number in range", decimal::read(value))
    }

    fn partition(&mut self, name: &'static str, value: &[u8]) -> Option<ReplyPartition> {
        self.expect(
            name,
            "a partition number from 0",
            ReplyPartition::read(value),
        )
    }
}

/// Spring's JSON header mapper may put string headers between quotes.
fn unquote(text: ByteString) -> ByteString {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return text;
    };
    if inner.contains('\\') {
        return serde_json::from_str::<String>(&text).map_or(text, ByteString::from);
    }
    text.slice_ref(inner)
}
