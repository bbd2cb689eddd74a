//! The handle through which whoever reads a configuration again reports.

use std::sync::Arc;

use super::State;

/// A configuration that is followed while the process runs. It counts until this is
/// dropped.
#[derive(Debug)]
pub struct ConfigurationHealth(Arc<State>);

impl ConfigurationHealth {
    pub(super) fn new(state: &Arc<State>) -> Self {
        Self(Arc::clone(state))
    }

    /// Why the newest configuration is not the one in use; `None` where it is.
    pub fn refused(&self, why: Option<String>) {
        self.0.known.lock().configuration = why;
    }
}

impl Drop for ConfigurationHealth {
    fn drop(&mut self) {
        self.refused(None);
    }
}
