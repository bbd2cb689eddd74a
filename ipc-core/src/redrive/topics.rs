//! Which of the topics that letters came from are there.

use std::collections::HashMap;
use std::slice;
use std::sync::Arc;

use crate::transport::{Transport, TransportError};

/// What was asked already: letters come from few topics.
#[derive(Default)]
pub(super) struct Topics(HashMap<Arc<str>, bool>);

impl Topics {
    pub(super) async fn has(
        &mut self,
        transport: &dyn Transport,
        topic: &Arc<str>,
    ) -> Result<bool, TransportError> {
        if let Some(known) = self.0.get(topic) {
            return Ok(*known);
        }
        let found = transport.topics(slice::from_ref(topic)).await?;
        let is_there = found.iter().any(Option::is_some);
        self.0.insert(Arc::clone(topic), is_there);
        Ok(is_there)
    }
}
