//! Whether the process lives, has started and can serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::config::Config;
use crate::upstream::{Upstream, UpstreamState};

/// How often the serving runtime shows that it turns.
const BEAT: Duration = Duration::from_secs(1);

/// How long it may miss to and still count as alive.
const MISSED: Duration = Duration::from_secs(10);

/// What the probes are answered from.
pub(crate) struct Health {
    upstream: Arc<dyn Upstream>,
    uses_kafka: bool,
    has_legacy: bool,
    started: AtomicBool,
    draining: AtomicBool,
    origin: Instant,
    /// Milliseconds from `origin` to the last beat.
    last_beat: AtomicU64,
}

/// The answer to a probe.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Report {
    /// Whether the probe passes.
    pub(crate) ok: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<String>,
    /// What is wrong without failing it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

impl Report {
    fn of(reasons: Vec<String>, warnings: Vec<String>) -> Self {
        Self {
            ok: reasons.is_empty(),
            reasons,
            warnings,
        }
    }
}

impl Health {
    pub(crate) fn new(config: &Config, upstream: Arc<dyn Upstream>) -> Self {
        Self {
            upstream,
            uses_kafka: config.uses_kafka(),
            has_legacy: config.legacy.is_some(),
            started: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            origin: Instant::now(),
            last_beat: AtomicU64::new(0),
        }
    }

    pub(crate) fn started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    pub(crate) fn draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Shows, while it is polled, that the runtime it runs on turns.
    pub(crate) async fn beat(self: Arc<Self>) {
        let mut beats = tokio::time::interval(BEAT);
        loop {
            beats.tick().await;
            let since = u64::try_from(self.origin.elapsed().as_millis());
            self.last_beat
                .store(since.unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Whether the serving runtime turns. Neither a broker nor an upstream that
    /// is away fails this.
    pub(crate) fn live(&self) -> Report {
        let last_beat = Duration::from_millis(self.last_beat.load(Ordering::Relaxed));
        let silent = self.origin.elapsed().saturating_sub(last_beat);
        let mut reasons = Vec::new();
        if self.has_started() && silent > MISSED {
            reasons.push(format!(
                "the runtime has not turned for {} s",
                silent.as_secs()
            ));
        }
        Report::of(reasons, Vec::new())
    }

    /// Whether anything can be served. With a legacy upstream a Kafka that is
    /// away is a warning: the rest is still served.
    pub(crate) fn ready(&self) -> Report {
        let mut reasons = Vec::new();
        let mut warnings = Vec::new();
        if !self.has_started() {
            reasons.push("the gateway is starting".to_owned());
        }
        if self.draining.load(Ordering::Relaxed) {
            reasons.push("the gateway is draining".to_owned());
        }
        if self.uses_kafka
            && let UpstreamState::Unready(reason) = self.upstream.state()
        {
            let list = if self.has_legacy {
                &mut warnings
            } else {
                &mut reasons
            };
            list.push(format!("routes over Kafka cannot be served: {reason}"));
        }
        Report::of(reasons, warnings)
    }

    /// Whether the gateway has begun to serve.
    pub(crate) fn startup(&self) -> Report {
        let mut reasons = Vec::new();
        if !self.has_started() {
            reasons.push("the gateway is starting".to_owned());
        }
        Report::of(reasons, Vec::new())
    }

    fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }
}
