//! What is to be sent once its transaction is committed.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use uuid::Uuid;

use super::OutboxError;
use crate::contract::OneWayRequest;
use crate::envelope::limits::CHUNK;
use crate::envelope::{Context, CorrelationId, Envelope, Headers, RequestHead, names};
use crate::transport::TopicNames;

/// The longest name of a topic that Kafka takes.
const LONGEST_TOPIC: usize = 249;

/// A message for the outbox: a one-way request to a service, or a record for any topic.
///
/// Each has an id from the beginning, which stands in its header `idempotency-key` unless
/// the message brings a key of its own: the same whenever it is sent.
#[derive(Clone)]
#[must_use = "a message is sent by Outbox::send"]
pub struct Message {
    id: String,
    topic: String,
    key: Option<Bytes>,
    /// Whether a message without a key has its idempotency key for one.
    own_key: bool,
    headers: Headers,
    payload: Option<Bytes>,
    /// What makes it a request.
    head: Option<RequestHead>,
}

impl Message {
    /// A record for `topic`, as its readers expect it. Without a key, headers and payload
    /// until it is given some. A prefix of topics is the relay's to add.
    pub fn record(topic: impl Into<String>) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            topic: topic.into(),
            key: None,
            own_key: false,
            headers: Headers::new(),
            payload: None,
            head: None,
        }
    }

    /// A one-way request to `service`, whose path is sent as it is: percent-encoded.
    ///
    /// Its record key is the one it is [given](Self::key), else its idempotency key, so
    /// that its repetitions find the partition of the first.
    pub fn to(service: &str, method: &str, path: &str) -> Self {
        let head = RequestHead {
            method: Some(method.into()),
            path: Some(path.into()),
            attempt: 1,
            ..RequestHead::default()
        };
        Self {
            own_key: true,
            head: Some(head),
            ..Self::record(&*TopicNames::default().requests(service))
        }
    }

    /// A typed one-way request to `service`, unless its contract names one.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Encode`], where a value does not serialise or does not fit its path.
    pub fn request<R: OneWayRequest>(service: &str, request: R) -> Result<Self, OutboxError> {
        let encoded = request.encode()?;
        let service = R::TERMS.service.unwrap_or(service);
        let mut message = Self::to(service, &encoded.method, &encoded.path);
        if let Some(topic) = encoded.topic {
            topic.clone_into(&mut message.topic);
        }
        message.own_key = encoded.idempotency_key_is_key;
        message.key = encoded.key;
        message.headers = encoded.headers;
        message.payload = Some(encoded.body);
        Ok(message)
    }

    /// The record key, which decides partition and order.
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The payload.
    pub fn payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.payload = Some(payload.into());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<ByteString>, value: impl Into<Bytes>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The operation id its reader knows it by, in place of the message's own id.
    pub fn idempotency_key(mut self, key: impl Into<ByteString>) -> Self {
        self.headers
            .set(names::IDEMPOTENCY_KEY, key.into().into_bytes());
        self
    }

    /// What tells it from every other message, and stays the same however often it is
    /// sent.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The row it becomes: what cannot be sent is told now, while somebody is there who
    /// can mend it.
    pub(super) fn into_row(mut self) -> Result<(String, String, Envelope), OutboxError> {
        self.check()
            .map_err(|reason| OutboxError::message(&self.topic, reason))?;
        if !self.headers.contains(names::IDEMPOTENCY_KEY) {
            let id = Bytes::from(self.id.clone());
            self.headers.push_static(names::IDEMPOTENCY_KEY, id);
        }
        if self.own_key && self.key.is_none() {
            self.key = self.headers.get(names::IDEMPOTENCY_KEY).cloned();
        }
        if let Some(mut head) = self.head {
            head.correlation_id = Some(CorrelationId::random());
            let context = Context::current();
            head.shadow |= context.shadow;
            if !self.headers.contains(names::TRACEPARENT) {
                head.trace = context.trace;
            }
            head.write(&mut self.headers);
        }
        let envelope = Envelope {
            headers: self.headers,
            key: self.key,
            payload: self.payload,
        };
        Ok((self.id, self.topic, envelope))
    }

    fn check(&self) -> Result<(), String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let topic = &*self.topic;
        if topic.is_empty() || matches!(topic, "." | "..") || !topic.chars().all(legal) {
            return Err(
                "no topic has this name: use letters, digits, dot, underscore and hyphen".into(),
            );
        }
        if topic.len() > LONGEST_TOPIC {
            return Err(format!(
                "a topic's name has at most {LONGEST_TOPIC} characters, and this has {}",
                topic.len()
            ));
        }
        let mut names = self.headers.iter().map(|header| &*header.name);
        if let Some(odd) = names.find(|name| name.is_empty() || name.contains('\0')) {
            return Err(format!("no header has the name {odd:?}"));
        }
        if self.head.is_none() {
            return Ok(());
        }
        let is_ours = |name: &&str| names::is_reserved(name) && *name != names::IDEMPOTENCY_KEY;
        if let Some(name) = self
            .headers
            .iter()
            .map(|header| &*header.name)
            .find(is_ours)
        {
            return Err(format!(
                "header {name} is reserved: choose a name outside the wire protocol's"
            ));
        }
        let length = self.payload.as_ref().map_or(0, Bytes::len);
        if length > CHUNK {
            return Err(format!(
                "its body has {length} bytes, and a request in the outbox at most {CHUNK}: \
                 store it elsewhere and send where it is"
            ));
        }
        Ok(())
    }
}

/// Shows where it goes, and nothing of what it says: any of that may be secret.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(message: Message) -> (String, Envelope) {
        let (_, topic, envelope) = message.into_row().expect("it can be sent");
        (topic, envelope)
    }

    #[test]
    fn a_request_says_what_the_client_s_would() {
        let message = Message::to("orders", "POST", "/orders/7/audit")
            .header("content-type", "text/plain")
            .payload("event");
        let id = message.id().to_owned();
        let (topic, envelope) = row(message);
        assert_eq!(topic, "orders.requests");
        let head = RequestHead::parse(&envelope.headers).expect("it can be read");
        assert_eq!(head.method.as_deref(), Some("POST"));
        assert_eq!(head.path.as_deref(), Some("/orders/7/audit"));
        assert_eq!(head.idempotency_key.as_deref(), Some(&*id));
        assert!(head.correlation_id.is_some() && !head.is_call());
        assert_eq!(envelope.key.as_deref(), Some(id.as_bytes()));
        assert_eq!(envelope.headers.get_str("content-type"), Some("text/plain"));
    }

    #[test]
    fn its_own_keys_stay_as_they_are() {
        let message = Message::to("orders", "POST", "/")
            .key("lane")
            .idempotency_key("k");
        let (_, envelope) = row(message);
        assert_eq!(envelope.key.as_deref(), Some(&b"lane"[..]));
        let mut keys = envelope.headers.get_all(names::IDEMPOTENCY_KEY);
        assert_eq!(keys.next().flatten().map(|key| &**key), Some(&b"k"[..]));
        assert_eq!(keys.next(), None);
    }

    #[test]
    fn a_record_has_no_key_but_the_one_it_is_given() {
        let (topic, envelope) = row(Message::record("audit").payload("x"));
        assert_eq!((&*topic, envelope.key), ("audit", None));
        assert!(envelope.headers.contains(names::IDEMPOTENCY_KEY));
    }

    #[test]
    fn what_could_never_be_sent_is_refused_before_it_is_written() {
        let large = vec![0; CHUNK + 1];
        for (message, said) in [
            (Message::record(""), "no topic has this name"),
            (Message::record("a b"), "no topic has this name"),
            (Message::record("t".repeat(250)), "at most 249"),
            (Message::record("t").header("a\0", "v"), "no header"),
            (
                Message::to("orders", "POST", "/").header("ipc-deadline", "1"),
                "reserved",
            ),
            (
                Message::to("orders", "POST", "/").payload(large),
                "store it elsewhere",
            ),
        ] {
            let error = message.into_row().expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
