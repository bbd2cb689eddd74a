//! What stands in the topic of operations.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode, response};
use ipc_core::envelope::{
    CorrelationId, Envelope, Headers, Problem, ReplyHead, UnixMillis, names, problem,
};
use ipc_core::http::response_parts;
use serde::{Deserialize, Serialize};

/// The kind of a gateway's own records, for whoever looks at the topic.
const KIND: &str = "operation";

/// A request that was accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Accepted {
    /// The label of the route that accepted it.
    pub(crate) route: String,
    /// When its answer must be there, in Unix milliseconds.
    pub(crate) until: u64,
    /// Who alone may ask for it; anybody who knows its id where nobody is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
}

/// What a service answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: response::Parts,
    pub(crate) body: Bytes,
}

/// One record.
#[derive(Debug)]
pub(crate) enum Record {
    /// A gateway is about to send the request.
    Accepted(CorrelationId, Accepted),
    /// It was not sent after all.
    Withdrawn(CorrelationId),
    /// A service has answered it.
    Answered(CorrelationId, Reply),
}

impl Record {
    /// Reads a record; `None` for what is none. Nothing of it holds on to where the
    /// record was read.
    pub(crate) fn parse(envelope: &Envelope) -> Option<Self> {
        let headers = &envelope.headers;
        match headers.get_str(names::CONTROL) {
            Some(KIND) => {
                let id = own(envelope.key.as_ref()?);
                let Some(payload) = &envelope.payload else {
                    return Some(Self::Withdrawn(id));
                };
                let accepted = serde_json::from_slice(payload).ok()?;
                Some(Self::Accepted(id, accepted))
            }
            Some(_) => None,
            None => {
                let head = ReplyHead::parse(headers)?;
                // None of these was asked for: pieces cannot be put together here.
                if head.seq.is_some() || head.chunk.is_some() {
                    return None;
                }
                let body = envelope.payload.as_deref().unwrap_or_default();
                let reply = Reply::read(head.status, headers, body);
                Some(Self::Answered(own(head.correlation_id.as_bytes()), reply))
            }
        }
    }

    /// The record of a gateway's own: nothing for a reply, which its service writes.
    pub(crate) fn to_envelope(&self) -> Option<Envelope> {
        let (id, payload) = match self {
            // Text and a number: serialising cannot fail.
            Self::Accepted(id, accepted) => (id, serde_json::to_vec(accepted).ok()),
            Self::Withdrawn(id) => (id, None),
            Self::Answered(..) => return None,
        };
        let mut headers = Headers::with_capacity(2);
        headers.push_static(names::CONTROL, Bytes::from_static(KIND.as_bytes()));
        headers.push_static(names::CORRELATION_ID, id.as_bytes().clone());
        Some(Envelope {
            headers,
            key: Some(id.as_bytes().clone()),
            payload: payload.map(Bytes::from),
        })
    }
}

impl Reply {
    fn read(status: u16, headers: &Headers, body: &[u8]) -> Self {
        match response_parts(status, headers) {
            Ok(mut head) => {
                for value in head.headers.values_mut() {
                    if let Ok(own) = HeaderValue::from_bytes(value.as_bytes()) {
                        *value = own;
                    }
                }
                let body = Bytes::copy_from_slice(body);
                Self { head, body }
            }
            Err(problem) => Self::of(&problem),
        }
    }

    /// The reply that a service owed and did not give.
    fn of(problem: &Problem) -> Self {
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let content_type = HeaderValue::from_static(problem::CONTENT_TYPE);
        head.headers.insert(CONTENT_TYPE, content_type);
        Self {
            head,
            body: problem.to_json(),
        }
    }

    /// How many bytes it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let headers = self.head.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum();
        headers + self.body.len()
    }
}

fn own(id: &Bytes) -> CorrelationId {
    CorrelationId::from(Bytes::copy_from_slice(id))
}

/// When an id of ours was made; `None` for any other.
pub(crate) fn made(id: &CorrelationId) -> Option<UnixMillis> {
    let uuid = uuid::Uuid::from_slice(id.as_bytes()).ok()?;
    let millis = uuid.as_u128() >> 80;
    (uuid.get_version_num() == 7)
        .then(|| u64::try_from(millis).ok().map(UnixMillis))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(record: &Record) -> Option<Record> {
        Record::parse(&record.to_envelope()?)
    }

    #[test]
    fn what_a_gateway_writes_is_what_the_others_read() {
        let id = CorrelationId::random();
        let accepted = Accepted {
            route: "POST /orders".to_owned(),
            until: 1_760_000_000_000,
            owner: Some("me".to_owned()),
        };

        let read = parsed(&Record::Accepted(id.clone(), accepted.clone()));
        assert!(
            matches!(&read, Some(Record::Accepted(of, what)) if *of == id && *what == accepted),
            "{read:?}"
        );
        let read = parsed(&Record::Withdrawn(id.clone()));
        assert!(
            matches!(&read, Some(Record::Withdrawn(of)) if *of == id),
            "{read:?}"
        );
    }

    #[test]
    fn a_reply_has_its_status_its_headers_and_its_body() {
        let mut envelope = Envelope::default();
        for (name, value) in [
            ("content-type", "text/plain"),
            (names::CORRELATION_ID, "0123456789abcdef"),
            (names::STATUS, "201"),
            ("ipc-caller", "shim/1"),
        ] {
            let value = Bytes::from_static(value.as_bytes());
            envelope.headers.push_static(name, value);
        }
        envelope.payload = Some(Bytes::from_static(b"placed"));

        let Some(Record::Answered(id, reply)) = Record::parse(&envelope) else {
            panic!("it is a reply");
        };

        assert_eq!(id.to_string(), "0123456789abcdef");
        assert_eq!(reply.head.status, StatusCode::CREATED);
        assert_eq!(reply.head.headers.len(), 1);
        assert_eq!(reply.head.headers[CONTENT_TYPE], "text/plain");
        assert_eq!(reply.body, "placed");
    }

    #[test]
    fn what_cannot_be_read_is_no_record() {
        let mut ping = Envelope::default();
        let kind = Bytes::from_static(b"ping");
        ping.headers.push_static(names::CONTROL, kind);
        let mut garbage = Record::Withdrawn(CorrelationId::random())
            .to_envelope()
            .expect("it is a gateway's");
        garbage.payload = Some(Bytes::from_static(b"[]"));
        let mut keyless = garbage.clone();
        keyless.key = None;

        for envelope in [Envelope::default(), ping, garbage, keyless] {
            assert!(Record::parse(&envelope).is_none(), "{envelope:?}");
        }
    }

    #[test]
    fn only_an_id_of_ours_says_when_it_was_made() {
        let now = UnixMillis::now();
        let of_ours = made(&CorrelationId::random()).expect("it says so");
        assert!(of_ours.0.abs_diff(now.0) < 60_000);
        let others = [&b"0123456789abcdef"[..], b"", b"request-1"];
        for id in others.map(|id| CorrelationId::from(Bytes::from_static(id))) {
            assert_eq!(made(&id), None);
        }
    }
}
