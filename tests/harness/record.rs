use std::time::{Duration, SystemTime};

use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Headers as _},
};

/// A record to be written.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    /// The partition; `None` lets the key decide, by murmur2 as the Java client does.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The headers in order, any bytes as values.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// The payload.
    pub payload: Option<Vec<u8>>,
}

/// A record that was read.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where it lay.
    pub partition: i32,
    /// At which offset.
    pub offset: i64,
    /// When it was written, in milliseconds since 1970; 0 where nobody said.
    pub timestamp: i64,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The payload; empty where it is null.
    pub payload: Vec<u8>,
    /// Whether the payload is null.
    pub is_null: bool,
}

impl Raw {
    /// A record with this payload and nothing else.
    pub fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self {
            payload: Some(payload.into()),
            ..Self::default()
        }
    }

    /// A POST as callers write it, without anybody who waits for an answer.
    pub fn post(path: &str, payload: impl Into<Vec<u8>>) -> Self {
        Self::new(payload)
            .header(":method", "POST")
            .header(":path", path)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), Some(value.into())));
        self
    }

    /// Makes a call of it: the answer goes to `topic`, under `id`.
    #[must_use]
    pub fn answered_to(self, topic: impl Into<Vec<u8>>, id: &str) -> Self {
        self.header("kafka_correlationId", id)
            .header("kafka_replyTopic", topic)
    }

    /// Says that whoever sends it waits for so long from now; else a call is one for its endpoint's timeout.
    #[must_use]
    pub fn waiting_for(self, long: Duration) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let deadline = since.unwrap_or_default() + long;
        self.header("ipc-deadline", deadline.as_millis().to_string())
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the partition.
    #[must_use]
    pub fn on(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }
}

impl Written {
    /// The value of the last header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let header = self.headers.iter().rfind(|(known, _)| known == name);
        header.map(|(_, value)| value.as_slice())
    }

    /// The same, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.header(name)
            .and_then(|value| str::from_utf8(value).ok())
    }

    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers
                .iter()
                .map(|header| {
                    (
                        header.key.to_owned(),
                        header.value.unwrap_or_default().to_vec(),
                    )
                })
                .collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap_or(0),
            key: message.key().map(<[u8]>::to_vec),
            headers,
            payload: message.payload().unwrap_or_default().to_vec(),
            is_null: message.payload().is_none(),
        }
    }
}
