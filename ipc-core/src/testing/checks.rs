//! Running the checks of a suite side by side.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use tokio::task::JoinSet;
use tracing::Instrument as _;

/// A check under the name of the behaviour it looks for.
pub(super) struct Named {
    name: &'static str,
    check: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Named {
    pub(super) fn new(
        name: &'static str,
        check: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let check = Box::pin(check);
        Self { name, check }
    }
}

/// Runs all of them at the same time, and panics with the names of those that did.
pub(super) async fn all(checks: Vec<Named>) {
    let count = checks.len();
    let mut running = JoinSet::new();
    let mut names = HashMap::new();
    for Named { name, check } in checks {
        let span = tracing::info_span!("conformance", check = name);
        names.insert(running.spawn(check.instrument(span)).id(), name);
    }
    let mut failed: Vec<String> = Vec::new();
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            failed.push(format!("{}: {error}", names[&error.id()]));
        }
    }
    failed.sort();
    assert!(
        failed.is_empty(),
        "{} of {count} checks failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}
