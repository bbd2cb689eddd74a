//! What a handler writes in the transaction of its record.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::notice::Notice;
use crate::envelope::Envelope;
use crate::transport::Outgoing;

/// Where the handler of an exactly-once endpoint puts what it writes to topics.
///
/// It is kept until the handler has ended. Where that went well it is written, with
/// the offset of the record that was handled, in one transaction; else it is dropped.
///
/// Clones are the same place.
#[derive(Clone, Debug)]
pub struct Outputs(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    records: Vec<Outgoing>,
    /// What follows once they are committed.
    notice: Option<Notice>,
    /// Whether nothing more is taken on.
    closed: bool,
}

/// The handler has ended, and what it left behind is settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the handler has ended: send what belongs to its transaction before it does")]
pub struct OutputsClosed;

impl Outputs {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Puts a record there. Its key decides the partition, as for any record; topics
    /// are named in full.
    ///
    /// # Errors
    ///
    /// When the handler has ended already, as for a task that it left behind.
    pub fn send(
        &self,
        topic: impl Into<Arc<str>>,
        key: impl Into<Option<Bytes>>,
        payload: impl Into<Bytes>,
    ) -> Result<(), OutputsClosed> {
        self.send_record(Outgoing {
            topic: topic.into(),
            partition: None,
            envelope: Envelope {
                key: key.into(),
                payload: Some(payload.into()),
                ..Envelope::default()
            },
        })
    }

    /// The same for a record with headers, or for a partition.
    ///
    /// # Errors
    ///
    /// As [`send`](Outputs::send).
    pub fn send_record(&self, record: Outgoing) -> Result<(), OutputsClosed> {
        let mut content = self.0.lock();
        if content.closed {
            return Err(OutputsClosed);
        }
        content.records.push(record);
        Ok(())
    }

    /// Has this record written in place of everything that is there: what becomes of a
    /// record whose handler failed. Its sender is told when it is committed, where there
    /// is a `notice`.
    pub(crate) fn replace(&self, record: Outgoing, notice: Option<Notice>) {
        *self.0.lock() = Content {
            records: vec![record],
            notice,
            closed: true,
        };
    }

    /// Takes what is there, and what follows on it; nothing more is taken on.
    pub(super) fn close(&self) -> (Vec<Outgoing>, Option<Notice>) {
        let mut content = self.0.lock();
        content.closed = true;
        let records = std::mem::take(&mut content.records);
        (records, content.notice.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_handler_has_ended_is_refused() {
        let outputs = Outputs::new();
        assert_eq!(outputs.send("a", None, "1"), Ok(()));
        assert_eq!(outputs.close().0.len(), 1);
        assert_eq!(outputs.send("a", None, "2"), Err(OutputsClosed));
        assert!(outputs.close().0.is_empty());
    }

    #[test]
    fn what_replaces_the_outputs_of_a_failed_handler_stays_alone() {
        let outputs = Outputs::new();
        outputs.send("a", None, "1").unwrap();
        let letter = Outgoing {
            topic: Arc::from("dlq"),
            partition: None,
            envelope: Envelope::default(),
        };
        outputs.replace(letter.clone(), None);
        assert_eq!(outputs.send("a", None, "2"), Err(OutputsClosed));
        assert_eq!(outputs.close().0, [letter]);
    }
}
