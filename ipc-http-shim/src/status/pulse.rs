//! What the gateway reports of its own health while it serves.

use std::sync::Arc;
use std::time::Duration;

use ipc_core::health::{Health, InboxHealth, Role};
use ipc_core::transport::TopicNames;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::config::Config;
use crate::upstream::{Upstream, UpstreamState};

/// How often the serving runtime shows that it turns, and the way to services
/// is asked for its state.
const BEAT: Duration = Duration::from_millis(500);

/// Reports the gateway's health.
pub(crate) struct Pulse {
    health: Health,
    /// The way to services, where a route needs it.
    kafka: Option<(InboxHealth, Arc<dyn Upstream>)>,
}

impl Pulse {
    pub(crate) fn new(config: &Config, upstream: Arc<dyn Upstream>) -> Self {
        let health = Health::new();
        health.starting("the gateway is not serving yet");
        if config.legacy.is_some() {
            health.served_locally("the legacy upstream");
        }
        let kafka = config.uses_kafka().then(|| {
            let names = TopicNames::with_prefix(&config.topic_prefix);
            let topic = names.replies(&config.fleet);
            (health.inbox(topic, Role::Serves), upstream)
        });
        Self { health, kafka }
    }

    /// What the reports add up to.
    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    /// Serving begins now.
    pub(crate) fn started(&self) {
        self.beat();
        self.health.started();
    }

    /// Reports, while it is polled, that the runtime it runs on turns.
    pub(crate) async fn run(self) {
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            self.beat();
        }
    }

    fn beat(&self) {
        self.health.runtime_turned(Instant::now());
        if let Some((inbox, upstream)) = &self.kafka {
            match upstream.state() {
                UpstreamState::Ready => inbox.ready(),
                UpstreamState::Unready(reason) => inbox.not_ready(reason),
            }
        }
    }
}
