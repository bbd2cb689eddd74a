//! Work that is claimed in Redis.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::script::{self, Answer};
use super::server::Server;
use crate::store::{
    ClaimRequest, Claimed, Effects, Fence, Fingerprint, FinishError, StoreError, StoredReply,
};

/// A claim that was granted, or that may have been: whoever asked was not told.
/// Unless it has ended, it is released when it is dropped.
pub(super) struct Hold {
    server: Arc<Server>,
    key: String,
    /// What tells this claim from all others, also of the same owner.
    ticket: String,
    ended: bool,
}

impl Hold {
    pub(super) fn new(server: &Arc<Server>, key: String, owner: &str) -> Self {
        Self {
            server: Arc::clone(server),
            key,
            ticket: format!("{owner}/{}", Uuid::new_v4().simple()),
            ended: false,
        }
    }

    pub(super) async fn claim(&mut self, request: &ClaimRequest) -> Result<Answer, StoreError> {
        script::claim(&self.server, &self.key, &self.ticket, request).await
    }

    /// Nothing is held.
    pub(super) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // Without a runtime the lease has to run out.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let server = Arc::clone(&self.server);
        let (key, ticket) = (mem::take(&mut self.key), mem::take(&mut self.ticket));
        let releases = self.server.releases.clone();
        // Behind the claim on the same connection, even where that was not answered.
        let released = async move { script::release(&server, &key, &ticket).await };
        releases.spawn_on(released, &runtime);
    }
}

/// Work that is the holder's to do.
pub(super) struct Held {
    hold: Hold,
    fence: Fence,
    took_over: bool,
    fingerprint: Fingerprint,
    keep: Duration,
}

impl Held {
    pub(super) fn new(hold: Hold, fence: Fence, took_over: bool, request: &ClaimRequest) -> Self {
        Self {
            hold,
            fence,
            took_over,
            fingerprint: request.fingerprint,
            keep: request.keep,
        }
    }
}

#[async_trait]
impl Claimed for Held {
    fn fence(&self) -> Fence {
        self.fence
    }

    fn took_over(&self) -> bool {
        self.took_over
    }

    async fn extend(&mut self, lease: Duration) -> Result<bool, StoreError> {
        let Hold {
            server,
            key,
            ticket,
            ..
        } = &self.hold;
        let claim = (self.fence, &self.fingerprint);
        script::extend(server, (key, ticket), claim, lease, self.keep).await
    }

    async fn finish(
        mut self: Box<Self>,
        reply: &StoredReply,
        _: Effects,
    ) -> Result<(), FinishError> {
        let reply = reply.to_bytes();
        let claim = (self.fence, &self.fingerprint);
        let stored = script::finish(&self.hold.server, &self.hold.key, claim, &reply, self.keep);
        match stored.await {
            Ok(stored) => {
                self.hold.ended = true;
                stored.then_some(()).ok_or(FinishError::Fenced)
            }
            // The script may run again: it stores the same.
            Err(error) => Err(FinishError::Unknown {
                error,
                claimed: Some(self),
            }),
        }
    }

    async fn release(mut self: Box<Self>) {
        let Hold {
            server,
            key,
            ticket,
            ended,
        } = &mut self.hold;
        // At best effort: where it fails the lease has to run out.
        let _ = script::release(server, key, ticket).await;
        *ended = true;
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("fence", &self.fence).finish()
    }
}
