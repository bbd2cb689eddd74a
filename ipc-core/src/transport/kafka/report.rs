//! One client's statistics on their way to the sink.

use std::sync::{Arc, OnceLock};

use rdkafka::Statistics;

use super::statistics::client_stats;
use crate::metrics::ClientKind;
use crate::transport::StatsSink;

/// Hands on what one client tells, and says when it will tell no more.
pub(super) struct Report {
    kind: ClientKind,
    sink: Option<Arc<dyn StatsSink>>,
    /// The name under which the sink knows the client.
    client: OnceLock<String>,
}

impl Report {
    pub(super) fn new(kind: ClientKind, sink: Option<Arc<dyn StatsSink>>) -> Self {
        Self {
            kind,
            sink,
            client: OnceLock::new(),
        }
    }

    pub(super) fn take(&self, statistics: &Statistics) {
        if let Some(sink) = &self.sink {
            sink.observe(&client_stats(self.kind, statistics));
            self.client.get_or_init(|| statistics.name.clone());
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let (Some(sink), Some(client)) = (&self.sink, self.client.get()) {
            sink.closed(client);
        }
    }
}
