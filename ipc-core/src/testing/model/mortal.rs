//! A transport whose process dies at a step that was chosen beforehand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::transport::memory::MemoryTransport;
use crate::transport::{
    Ack, Consumer, ConsumerDecorator, Inlet, Note, Outgoing, Places, SendError, Subscription,
    TopicPartition, Transaction, TransactionError, Transactions, Transport, TransportDecorator,
    TransportError,
};

/// How long an instance lives. Everything that another could notice of it is a step: what
/// it asks of the log, and what its handlers wait for.
#[derive(Clone)]
pub(super) struct Life(Arc<Inner>);

struct Inner {
    transport: MemoryTransport,
    /// Steps left; below zero it does not end by itself.
    left: AtomicI64,
    over: AtomicBool,
    died: Notify,
}

impl Life {
    pub(super) fn of(transport: MemoryTransport) -> Self {
        Self(Arc::new(Inner {
            transport,
            left: AtomicI64::new(-1),
            over: AtomicBool::new(false),
            died: Notify::new(),
        }))
    }

    /// It dies with the `steps`-th step from now on.
    pub(super) fn end_in(&self, steps: u32) {
        self.0.left.store(i64::from(steps), Ordering::Relaxed);
    }

    /// Takes a step. False where it is the last, or was before.
    pub(super) fn step(&self) -> bool {
        let ends = self.0.left.load(Ordering::Relaxed) > 0
            && self.0.left.fetch_sub(1, Ordering::Relaxed) == 1;
        if ends && !self.0.over.swap(true, Ordering::Relaxed) {
            self.0.transport.kill();
            self.0.died.notify_one();
        }
        !self.is_over()
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Relaxed)
    }

    /// Returns when it is over.
    pub(super) async fn ended(&self) {
        self.0.died.notified().await;
    }

    /// Its group takes it for dead.
    pub(super) fn expel(&self) {
        self.0.transport.expel();
    }
}

fn dead() -> TransportError {
    TransportError::unreachable("the instance has died")
}

#[async_trait]
impl TransportDecorator for Life {
    fn inner(&self) -> &dyn Transport {
        &self.0.transport
    }

    fn send(&self, record: &Outgoing, ack: Ack) {
        if !self.step() {
            return ack.settle(Err(SendError::Closed));
        }
        self.inner().send(record, ack);
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        inlet: Box<dyn Inlet>,
    ) -> Result<Consumer, TransportError> {
        let consumer = self.inner().subscribe(subscription, inlet).await?;
        let life = self.clone();
        Ok(Consumer::new(Arc::new(Steps { consumer, life })))
    }
}

/// A consumer whose steering counts as steps.
struct Steps {
    consumer: Consumer,
    life: Life,
}

#[async_trait]
impl ConsumerDecorator for Steps {
    fn inner(&self) -> &Consumer {
        &self.consumer
    }

    fn store(&self, offsets: &[(TopicPartition, i64)]) {
        if self.life.step() {
            self.consumer.store(offsets);
        }
    }

    async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<(), TransportError> {
        if !self.life.step() {
            return Err(dead());
        }
        self.consumer.commit(offsets).await
    }

    async fn commit_noted(&self, notes: &[Note]) -> Result<(), TransportError> {
        if !self.life.step() {
            return Err(dead());
        }
        self.consumer.commit_noted(notes).await
    }

    async fn transactions(&self, id: &str) -> Result<Arc<dyn Transactions>, TransportError> {
        let transactions = self.consumer.transactions(id).await?;
        let life = self.life.clone();
        Ok(Arc::new(TransactionSteps { transactions, life }))
    }
}

/// Transactions that count as steps.
struct TransactionSteps {
    transactions: Arc<dyn Transactions>,
    life: Life,
}

#[async_trait]
impl Transactions for TransactionSteps {
    async fn commit(&self, transaction: Arc<Transaction>) -> Result<Places, TransactionError> {
        if !self.life.step() {
            return Err(TransactionError::Fenced);
        }
        let committed = self.transactions.commit(transaction).await;
        if !self.life.step() {
            // Nobody is told.
            return std::future::pending().await;
        }
        committed
    }
}
