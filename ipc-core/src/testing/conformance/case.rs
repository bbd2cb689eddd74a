//! What one check works with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::envelope::Envelope;
use crate::testing::Observer;
use crate::transport::{
    Outgoing, Placed, Receipt, SendError, Start, TopicPartition, TopicSpec, Transport,
};

/// A transport and names nobody else uses.
pub(super) struct Case {
    pub(super) transport: Arc<dyn Transport>,
    prefix: String,
}

impl Case {
    pub(super) fn new(run: &str, check: &str, transport: Arc<dyn Transport>) -> Self {
        Self {
            transport,
            prefix: format!("{run}.{check}"),
        }
    }

    /// A topic or group name of this check's own.
    pub(super) fn name(&self, noun: &str) -> Arc<str> {
        Arc::from(format!("{}.{noun}", self.prefix))
    }

    /// A new topic.
    pub(super) async fn topic(&self, partitions: i32) -> Arc<str> {
        self.topic_like(TopicSpec::new(self.name("topic"), partitions))
            .await
    }

    /// A new topic, once each of its partitions answers.
    pub(super) async fn topic_like(&self, spec: TopicSpec) -> Arc<str> {
        let name = Arc::clone(&spec.name);
        self.transport.create_topics(&[spec]).await.unwrap();
        while !self.answers(&name).await {
            // The cluster spreads its metadata and tells nobody when it is done.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        name
    }

    /// Whether those that lead a topic know it: they are told of before, and turn away
    /// what comes too early.
    async fn answers(&self, topic: &Arc<str>) -> bool {
        let found = self.transport.topics(std::slice::from_ref(topic)).await;
        match found.unwrap().remove(0) {
            Some(topic) => self.transport.held(&topic).await.is_ok(),
            None => false,
        }
    }

    pub(super) fn send(&self, record: Outgoing) -> Receipt {
        self.transport.append(&record)
    }

    /// Sends texts to one partition, and waits until the log has them.
    pub(super) async fn send_to(&self, partition: &TopicPartition, texts: &[&str]) {
        let records = texts.iter().map(|text| to(partition, text));
        let receipts: Vec<Receipt> = records.map(|record| self.send(record)).collect();
        for receipt in receipts {
            receipt.await.unwrap();
        }
    }

    /// Waits for a send, which must have worked.
    pub(super) async fn placed(&self, record: Outgoing) -> Placed {
        self.send(record).await.unwrap()
    }

    /// Waits for a send, which must not have worked.
    pub(super) async fn refusal(&self, record: Outgoing) -> SendError {
        self.send(record).await.unwrap_err()
    }

    /// Joins the check's only group.
    pub(super) async fn join(&self, topic: &Arc<str>) -> Observer {
        let group = self.name("group");
        Observer::join(&*self.transport, &group, &[topic])
            .await
            .unwrap()
    }

    /// Joins and waits until it has `count` partitions.
    pub(super) async fn join_owning(&self, topic: &Arc<str>, count: usize) -> Observer {
        let member = self.join(topic).await;
        let what = format!("it owns {count} partitions");
        member.until(&what, |seen| seen.owned.len() == count).await;
        member
    }

    pub(super) async fn read(&self, from: &TopicPartition, start: Start) -> Observer {
        Observer::read(&*self.transport, from.clone(), start)
            .await
            .unwrap()
    }
}

/// How long a check lets a consumer take to close.
pub(super) const CLOSING: Duration = Duration::from_secs(20);

pub(super) fn partition(topic: &Arc<str>, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: Arc::clone(topic),
        partition,
    }
}

pub(super) fn envelope(key: Option<&[u8]>, payload: Option<&[u8]>) -> Envelope {
    Envelope {
        key: key.map(Bytes::copy_from_slice),
        payload: payload.map(Bytes::copy_from_slice),
        ..Envelope::default()
    }
}

/// A text for one partition.
pub(super) fn to(partition: &TopicPartition, text: &str) -> Outgoing {
    Outgoing {
        topic: Arc::clone(&partition.topic),
        partition: Some(partition.partition),
        envelope: envelope(None, Some(text.as_bytes())),
    }
}

/// A text with a key, which decides the partition.
pub(super) fn keyed(topic: &Arc<str>, key: &[u8], text: &str) -> Outgoing {
    Outgoing {
        topic: Arc::clone(topic),
        partition: None,
        envelope: envelope(Some(key), Some(text.as_bytes())),
    }
}
