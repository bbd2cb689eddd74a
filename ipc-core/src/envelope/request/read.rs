//! From a request's headers to its head, in one pass.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::super::{
    CallerId, Chain, Deadline, Dialect, Headers, TraceContext, UnixMillis, decimal, names, text,
};
use super::malformed::Faults;
use super::waiting::Waiting;
use super::{Accepts, Malformed, RequestHead};

/// Puts into an empty `head` what can be read. Answers the first fault.
pub(super) fn request(
    head: &mut RequestHead,
    headers: &Headers,
    dialect: Option<Dialect>,
) -> Option<Malformed> {
    if !headers
        .iter()
        .any(|header| names::may_be_of_a_request(&header.name))
    {
        // Of somebody who speaks no protocol: nobody waits for it.
        head.dialect = dialect.unwrap_or_default();
        head.attempt = 1;
        head.accepts.stream = head.dialect.reads_streams();
        return None;
    }
    protocol(head, headers, dialect)
}

/// As [`request`], where a header may be the protocol's.
#[inline(never)]
fn protocol(
    head: &mut RequestHead,
    headers: &Headers,
    dialect: Option<Dialect>,
) -> Option<Malformed> {
    let mut reader = Reader::new(head);
    for header in headers {
        if let Some(value) = &header.value {
            reader.read(&header.name, value);
        }
    }
    reader.finish(dialect)
}

struct Reader<'a> {
    /// Written where it stays: it is too large to be handed around.
    head: &'a mut RequestHead,
    seen: u16,
    /// Who waits where, as each family of names tells it: only the one that
    /// counts is looked into, and which one that is shows at the end.
    kafka: Waiting<'a>,
    smallrye: Waiting<'a>,
    faststream: Waiting<'a>,
    deadline: Option<u64>,
    budget: Option<u64>,
    tracestate: Option<&'a Bytes>,
    faults: Faults,
}

impl<'a> Reader<'a> {
    fn new(head: &'a mut RequestHead) -> Self {
        Self {
            head,
            seen: 0,
            kafka: Waiting::default(),
            smallrye: Waiting::default(),
            faststream: Waiting::default(),
            deadline: None,
            budget: None,
            tracestate: None,
            faults: Faults::default(),
        }
    }

    fn read(&mut self, name: &str, value: &'a Bytes) {
        match name {
            names::CORRELATION_ID => self.kafka.correlation_id.put(value),
            names::REPLY_TOPIC => self.kafka.topic.put(value),
            names::REPLY_PARTITION => self.kafka.partition.put(value),
            names::METHOD if self.once(0, names::METHOD) => {
                self.head.method = self.text(names::METHOD, value);
            }
            names::PATH if self.once(1, names::PATH) => {
                self.head.path = self.text(names::PATH, value);
            }
            names::DEADLINE if self.once(2, names::DEADLINE) => {
                self.deadline = self.decimal(names::DEADLINE, value);
            }
            names::BUDGET if self.once(3, names::BUDGET) => {
                self.budget = self.decimal(names::BUDGET, value);
            }
            names::CALLER if self.once(4, names::CALLER) => {
                self.head.caller = self.text(names::CALLER, value).map(CallerId::from);
            }
            names::ATTEMPT if self.once(5, names::ATTEMPT) => {
                self.head.attempt = self.decimal(names::ATTEMPT, value).unwrap_or(1);
            }
            names::ACCEPT if self.once(6, names::ACCEPT) => {
                self.head.accepts = Accepts::parse(value);
            }
            names::CHUNK if self.once(7, names::CHUNK) => {
                self.head.chunk = self.decimal(names::CHUNK, value);
            }
            names::END if self.once(8, names::END) => self.head.end = value.as_ref() == b"1",
            names::CHAIN if self.once(9, names::CHAIN) => {
                self.head.chain = self.chain(value).unwrap_or_default();
            }
            // Read elsewhere, and no less ambiguous when repeated.
            names::AUTHORITY => _ = self.once(10, names::AUTHORITY),
            names::SCHEME => _ = self.once(11, names::SCHEME),
            names::PEER => _ = self.once(12, names::PEER),
            names::SHADOW if self.once(13, names::SHADOW) => {
                self.head.shadow = value.as_ref() == b"1";
            }
            names::IDEMPOTENCY_KEY => {
                self.head.idempotency_key = ByteString::try_from(value.clone()).ok();
            }
            names::TRACEPARENT => self.head.trace = TraceContext::parse(value),
            names::TRACESTATE => self.tracestate = Some(value),
            names::SMALLRYE_CORRELATION_ID => self.smallrye.correlation_id.put(value),
            names::SMALLRYE_REPLY_TOPIC => self.smallrye.topic.put(value),
            names::SMALLRYE_REPLY_PARTITION => self.smallrye.partition.put(value),
            names::FASTSTREAM_CORRELATION_ID => self.faststream.correlation_id.put(value),
            names::FASTSTREAM_REPLY_TO => self.faststream.topic.put(value),
            _ => {}
        }
    }

    fn finish(self, asked: Option<Dialect>) -> Option<Malformed> {
        let dialect = asked.unwrap_or_else(|| self.detect());
        let Self {
            head, mut faults, ..
        } = self;
        let waiting = match dialect {
            Dialect::Native | Dialect::NestJs => self.kafka,
            Dialect::SmallRye => self.smallrye,
            Dialect::FastStream => self.faststream,
        };
        waiting.settle(dialect, asked.is_some(), head, &mut faults);
        head.dialect = dialect;
        head.attempt = head.attempt.max(1);
        head.accepts.stream |= dialect.reads_streams();
        head.deadline = self.deadline.map(|at| Deadline {
            at: UnixMillis(at),
            budget: self.budget.map(Duration::from_millis),
        });
        if let Some(state) = self.tracestate {
            head.trace = head.trace.take().map(|trace| trace.with_state(state));
        }
        faults.first()
    }

    /// Where names of several frameworks stand in one request, the family that
    /// carries most decides. NestJS is Spring's family with a number as text.
    fn detect(&self) -> Dialect {
        if self.kafka.is_there() {
            let foreign = self.head.caller.is_none();
            match foreign && self.kafka.has_partition_as_text() {
                true => Dialect::NestJs,
                false => Dialect::Native,
            }
        } else if self.smallrye.is_there() {
            Dialect::SmallRye
        } else if self.faststream.is_there() {
            Dialect::FastStream
        } else {
            Dialect::Native
        }
    }

    /// False, with a fault noted, when this header was read before: which of
    /// two deadlines is meant must not be guessed.
    fn once(&mut self, bit: u8, name: &'static str) -> bool {
        let first = self.seen & (1 << bit) == 0;
        self.seen |= 1 << bit;
        if !first {
            self.faults.note(Malformed::Repeated { name });
        }
        first
    }

    fn text(&mut self, name: &'static str, value: &Bytes) -> Option<ByteString> {
        let expected = "UTF-8 text";
        let text = text::read(value).ok_or(Malformed::Invalid { name, expected });
        self.faults.keep(text)
    }

    fn decimal<T: TryFrom<u64>>(&mut self, name: &'static str, value: &[u8]) -> Option<T> {
        let expected = "a decimal number in range";
        let number = decimal::read(value).ok_or(Malformed::Invalid { name, expected });
        self.faults.keep(number)
    }

    fn chain(&mut self, value: &Bytes) -> Option<Chain> {
        let (name, expected) = (names::CHAIN, "a chain of lanes");
        let chain = Chain::parse(value).ok_or(Malformed::Invalid { name, expected });
        self.faults.keep(chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_of_a_request_is_taken_for_one_of_the_application() {
        let alone = |name| {
            let (mut head, mut headers) = (RequestHead::default(), Headers::new());
            headers.push_static(name, Bytes::from_static(b"\xff"));
            headers.push_static(name, Bytes::from_static(b"\xff"));
            let fault = request(&mut head, &headers, Some(Dialect::SmallRye));
            (names::may_be_of_a_request(name), fault.is_some())
        };
        for name in [
            names::METHOD,
            names::PATH,
            names::AUTHORITY,
            names::SCHEME,
            names::DEADLINE,
            names::BUDGET,
            names::CALLER,
            names::ATTEMPT,
            names::ACCEPT,
            names::CHUNK,
            names::END,
            names::CHAIN,
            names::PEER,
            names::SHADOW,
            names::SMALLRYE_CORRELATION_ID,
            names::SMALLRYE_REPLY_TOPIC,
            names::SMALLRYE_REPLY_PARTITION,
        ] {
            assert_eq!(alone(name), (true, true), "{name}");
        }
        for name in [
            names::CORRELATION_ID,
            names::REPLY_TOPIC,
            names::REPLY_PARTITION,
            names::FASTSTREAM_CORRELATION_ID,
            names::FASTSTREAM_REPLY_TO,
            names::IDEMPOTENCY_KEY,
            names::TRACEPARENT,
            names::TRACESTATE,
        ] {
            assert!(names::may_be_of_a_request(name), "{name}");
        }
        assert_eq!(alone(names::CONTENT_TYPE), (false, false));
    }
}
