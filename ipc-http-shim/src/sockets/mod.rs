//! WebSockets whose messages go over Kafka: one request with many replies, and a one-way
//! request for each message of the client's.

mod conversation;
mod end;
mod messages;
pub(crate) mod metrics;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use conversation::Conversation;
pub(crate) use messages::{Messages, SOCKET_ID};
use metrics::SocketMetrics;

/// The WebSockets that are open.
#[derive(Debug)]
pub(crate) struct Sockets {
    tasks: TaskTracker,
    draining: CancellationToken,
    metrics: SocketMetrics,
}

impl Sockets {
    /// They end with `draining`.
    pub(crate) fn new(metrics: &SocketMetrics, draining: CancellationToken) -> Self {
        Self {
            tasks: TaskTracker::new(),
            draining,
            metrics: metrics.clone(),
        }
    }

    /// Begins a conversation once the client's connection has been `upgraded`, and gives
    /// back what it was `holding` when it has ended.
    pub(crate) fn open(
        &self,
        route: &Arc<str>,
        upgraded: hyper::upgrade::OnUpgrade,
        conversation: Conversation,
        holding: impl Send + 'static,
    ) {
        let (draining, metrics) = (self.draining.clone(), self.metrics.clone());
        let route = Arc::clone(route);
        self.tasks.spawn(async move {
            let _holding = holding;
            // The client may have left before it was told.
            if let Some(Ok(client)) = draining.run_until_cancelled(upgraded).await {
                let counted = metrics.opened(&route);
                conversation.run(client, counted, draining).await;
            }
        });
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until all have ended. They end with the draining.
    pub(crate) async fn closed(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
