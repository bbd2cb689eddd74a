//! Learning that a one-way was given up.

use super::error::Unanswered;
use super::pending::Registration;
use super::{Client, Rejected, Request};
use crate::envelope::{CorrelationId, Dialect, Parked, Problem};

/// A one-way that is in the log, and of which its sender is told if its service gives it
/// up. Made by [`notify_if_parked`](super::Sending::notify_if_parked).
///
/// Dropping it is to ask no longer. What it would have said lies in the dead-letter topic
/// all the same.
#[derive(Debug)]
#[must_use = "dropping it is to ask no longer"]
pub struct WatchedOneWay {
    registration: Registration,
    parked: Option<Parked>,
}

impl WatchedOneWay {
    /// The request's id.
    #[must_use]
    pub fn correlation_id(&self) -> &CorrelationId {
        self.registration.id()
    }

    /// Waits until the record was given up, and tells why and where its dead letter lies;
    /// `None` once nothing can be learned any more, because the client was closed.
    ///
    /// It is not told that all went well: a record that is handled leaves this waiting, so
    /// wait for as long as is of use.
    ///
    /// # Cancel safety
    ///
    /// Safe: call it again.
    pub async fn parked(&mut self) -> Option<Parked> {
        if self.parked.is_none() {
            let told = self.registration.told().await?;
            self.parked = Parked::parse(&told.ok()?.first.body);
        }
        self.parked.clone()
    }
}

impl Client {
    /// Sends a one-way that asks for word where it is given up, and waits until the log
    /// has it.
    pub(crate) async fn post_watched(
        &self,
        mut request: Request,
    ) -> Result<WatchedOneWay, Unanswered> {
        let shared = &*self.0;
        if request.dialect() != Dialect::Native {
            let title = "A service of another dialect does not tell what it gives up";
            let problem = Problem::new("not-watched", title, 400);
            return Err(Rejected::Refused(problem).into());
        }
        if !shared.inbox.is_ready() {
            return Err(Rejected::InboxNotReady.into());
        }
        shared
            .inbox
            .parked_address()
            .write(&mut request.record.envelope.headers);
        let id = self.identify(&mut request);
        let registration = shared.pending.register(id, Dialect::Native)?;
        self.log(request, registration.id()).await?;
        Ok(WatchedOneWay {
            registration,
            parked: None,
        })
    }
}
