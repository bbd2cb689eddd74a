//! Learning the keys of an issuer, again and again.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::keys::KeySet;
use super::source::{PATIENCE, Source};
use crate::auth::metrics::AuthMetrics;
use crate::config;

/// The keys of an issuer as they were last learnt. They are kept while it is away.
#[derive(Debug)]
pub(super) struct Keys {
    current: ArcSwap<KeySet>,
    phase: watch::Sender<Phase>,
    /// Somebody has a token with an unknown key.
    wanted: Notify,
    /// Between two fetches, however many unknown keys there are.
    floor: Duration,
}

/// How far the refreshing is.
#[derive(Clone, Copy, Debug)]
struct Phase {
    /// How often the issuer was asked, with an answer or without.
    asked: u64,
    /// Whether it must not be asked again yet.
    rests: bool,
}

impl Keys {
    pub(super) fn new(floor: Duration) -> Self {
        Self {
            current: ArcSwap::default(),
            phase: watch::Sender::new(Phase {
                asked: 0,
                rests: false,
            }),
            wanted: Notify::new(),
            floor,
        }
    }

    pub(super) fn current(&self) -> Arc<KeySet> {
        self.current.load_full()
    }

    /// The keys after the issuer was asked once more. Where it was asked a moment ago
    /// that is not done, so that nobody makes a gateway ask by inventing key ids; it is
    /// asked again as soon as it may be.
    ///
    /// # Cancel safety
    ///
    /// Safe: the issuer is asked all the same, by a task of its own.
    pub(super) async fn refreshed(&self) -> Arc<KeySet> {
        let mut phase = self.phase.subscribe();
        let now = *phase.borrow_and_update();
        self.wanted.notify_one();
        if !now.rests {
            let asked = phase.wait_for(|phase| phase.asked > now.asked);
            // Asking has a bound of its own; this one is for a runtime that ends.
            let _ = timeout(PATIENCE * 2, asked).await;
        }
        self.current()
    }

    /// Refreshes them until it is dropped.
    pub(super) async fn run(
        self: Arc<Self>,
        rules: config::Issuer,
        source: Source,
        metrics: AuthMetrics,
    ) {
        let mut seen = None;
        loop {
            let learnt = match source.fetch().await {
                Ok(document) => self.take(&mut seen, document),
                Err(error) => Err(error.to_string()),
            };
            metrics.fetched(&rules.issuer, learnt.is_ok());
            let next = match &learnt {
                Ok(()) => rules.refresh,
                Err(error) => {
                    let kept = self.current.load().is_known();
                    tracing::warn!(
                        issuer = rules.issuer,
                        error,
                        kept,
                        "its keys cannot be learnt"
                    );
                    self.floor
                }
            };
            self.phase.send_modify(|phase| {
                phase.asked += 1;
                phase.rests = true;
            });
            sleep(self.floor).await;
            self.phase.send_modify(|phase| phase.rests = false);
            tokio::select! {
                () = self.wanted.notified() => {}
                () = sleep(next.saturating_sub(self.floor)) => {}
            }
        }
    }

    /// Takes over the keys of a document, where they are others than those `seen` last.
    fn take(&self, seen: &mut Option<Bytes>, document: Bytes) -> Result<(), String> {
        if seen.as_ref() == Some(&document) {
            return Ok(());
        }
        let mut set = KeySet::parse(&document)?;
        set.generation = self.current.load().generation + 1;
        tracing::info!(keys = ?set, "the keys of an issuer are learnt");
        self.current.store(Arc::new(set));
        *seen = Some(document);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tempfile::NamedTempFile;
    use tokio::task::JoinSet;
    use tokio::time::Instant;

    use super::*;
    use crate::config::{Issuer, KeySource};

    /// Shows one key of this id.
    fn show(file: &NamedTempFile, id: &str) {
        let document =
            format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{id}","x":"AAAA"}}]}}"#);
        std::fs::write(file.path(), document).expect("it is written");
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_keys_are_asked_for_at_once_and_then_not_before_the_floor() {
        let file = NamedTempFile::new().expect("a file");
        show(&file, "old");
        let source = KeySource::File(file.path().to_owned());
        let rules = Issuer::new("https://id.example", vec!["a".to_owned()], source);
        let (floor, refresh) = (rules.floor, rules.refresh);
        let keys = Arc::new(Keys::new(floor));
        let mut refreshing = JoinSet::new();
        let source = Source::new(&rules);
        refreshing.spawn(Arc::clone(&keys).run(rules, source, AuthMetrics::default()));

        assert_eq!(keys.refreshed().await.generation, 1);
        show(&file, "new");
        let asked = Instant::now();
        // However many ask.
        for _ in 0..10 {
            assert_eq!(keys.refreshed().await.generation, 1);
        }
        assert_eq!(asked.elapsed(), Duration::ZERO);
        sleep(floor + Duration::from_millis(1)).await;
        assert_eq!(keys.current().generation, 2);

        // Nobody asks, and they are looked at all the same; the same keys stay.
        sleep(refresh + floor).await;
        assert_eq!(keys.current().generation, 2);
        show(&file, "newest");
        sleep(refresh + floor).await;
        assert_eq!(keys.current().generation, 3);

        std::fs::write(file.path(), "gone").expect("it is written");
        sleep(refresh + floor).await;
        assert!(keys.current().is_known());
    }
}
