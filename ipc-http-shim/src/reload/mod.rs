//! Following the configuration file while the gateway runs.

mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};

use crate::config::{Overrides, load};
use crate::server::Live;

pub use watch::Seen;
use watch::Watch;

/// Where a configuration is read from, again and again.
#[derive(Clone)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// What stands over it.
    pub overrides: Overrides,
}

impl Source {
    /// What the file says, which is `text`, and what those say that it refers to. To be
    /// asked before they are loaded: what changes after this is noticed.
    #[must_use]
    pub fn seen(&self, text: String) -> Seen {
        Seen::with(self, Ok(text))
    }
}

/// Takes the configuration over whenever `asked` says so, or the file or one that it
/// refers to has other contents; `seen` is what they said when it was loaded. One that
/// is wrong, or that needs a restart, changes nothing, and is told of in the log, in the
/// metrics and as a warning of readiness.
///
/// # Cancel safety
///
/// Safe: a change under way is made or not.
pub async fn follow(
    source: Source,
    seen: Seen,
    live: Live,
    asked: impl Stream<Item = ()> + Send,
) -> std::convert::Infallible {
    let source = Arc::new(source);
    let mut watch = Watch::new(Arc::clone(&source), seen);
    // A stream that ends asks no more.
    let asked = asked.chain(futures_util::stream::pending());
    tokio::pin!(asked);
    loop {
        let text = tokio::select! {
            Some(()) = asked.next() => watch.read().await,
            text = watch.changed() => text,
        };
        let (source, live) = (Arc::clone(&source), live.clone());
        // Reading ten thousand routes takes a while.
        let changed = tokio::task::spawn_blocking(move || change(&source, text, &live)).await;
        if let Err(error) = changed {
            tracing::error!(%error, "the configuration could not be taken over");
        }
    }
}

fn change(source: &Source, text: Result<String, String>, live: &Live) {
    let file = source.path.display().to_string();
    let changed = text.and_then(|text| {
        let config = load(&file, &text, &source.overrides).map_err(|wrong| wrong.to_string())?;
        live.change(&config)
            .map_err(|refused| format!("{file}: {refused}"))?;
        Ok(config.routes.len())
    });
    match changed {
        Ok(routes) => {
            tracing::info!(%file, routes, "configuration taken over");
            live.report(None);
        }
        Err(why) => {
            tracing::error!(%file, %why, "configuration refused; the earlier one is served");
            let first = why.lines().next().unwrap_or_default();
            live.report(Some(format!("configuration refused: {first}")));
        }
    }
}
