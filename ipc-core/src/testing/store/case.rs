//! One check and what it asks stores for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::store::{
    Claim, ClaimRequest, Claimed, DedupStore, Effects, Fingerprint, Place, StoredReply, WorkId,
};

/// A lease that a check lets run out.
pub(super) const LEASE: Duration = Duration::from_millis(500);

/// Two instances of a service, and a scope of the check's own.
pub(super) struct Case {
    pub(super) one: Arc<dyn DedupStore>,
    pub(super) other: Arc<dyn DedupStore>,
    scope: Arc<str>,
    place: Option<Place>,
}

impl Case {
    pub(super) fn new(
        run: &str,
        check: &str,
        [one, other]: [Arc<dyn DedupStore>; 2],
        place: Option<Place>,
    ) -> Self {
        Self {
            one,
            other,
            scope: Arc::from(format!("{run} {check}")),
            place,
        }
    }

    /// A request for `key`, whose payload is "tea".
    pub(super) fn request(&self, key: &'static str) -> ClaimRequest {
        let id = WorkId {
            scope: Arc::clone(&self.scope),
            key: Bytes::from_static(key.as_bytes()),
        };
        let mut request = ClaimRequest::new(id, Fingerprint::of(&[b"tea"]), "instance");
        request.place = self.place.clone();
        request
    }

    /// The same key with another payload.
    pub(super) fn changed(&self, key: &'static str) -> ClaimRequest {
        let mut request = self.request(key);
        request.fingerprint = Fingerprint::of(&[b"coffee"]);
        request
    }
}

pub(super) async fn claim(store: &Arc<dyn DedupStore>, request: &ClaimRequest) -> Claim {
    store.claim(request).await.expect("the store answers")
}

/// A claim that must be granted.
pub(super) async fn granted(
    store: &Arc<dyn DedupStore>,
    request: &ClaimRequest,
) -> Box<dyn Claimed> {
    match claim(store, request).await {
        Claim::Granted(claimed) => claimed,
        other => panic!("not granted: {other:?}"),
    }
}

/// A claim that is granted at the latest when its lease is over.
pub(super) async fn granted_in_time(
    store: &Arc<dyn DedupStore>,
    request: &ClaimRequest,
) -> Box<dyn Claimed> {
    let in_time = async {
        loop {
            match claim(store, request).await {
                Claim::Granted(claimed) => return claimed,
                Claim::Running { .. } => tokio::time::sleep(LEASE / 10).await,
                other => panic!("neither running nor granted: {other:?}"),
            }
        }
    };
    let bound = LEASE * 10;
    let granted = tokio::time::timeout(bound, in_time).await;
    granted.unwrap_or_else(|_| panic!("not granted within {bound:?}"))
}

/// The reply that must be there.
pub(super) async fn done(store: &Arc<dyn DedupStore>, request: &ClaimRequest) -> StoredReply {
    match claim(store, request).await {
        Claim::Done(reply) => reply,
        other => panic!("not done: {other:?}"),
    }
}

/// Does the work of `request` and stores `reply`.
pub(super) async fn finish(
    store: &Arc<dyn DedupStore>,
    request: &ClaimRequest,
    reply: &StoredReply,
) {
    let claimed = granted(store, request).await;
    let finished = claimed.finish(reply, Effects::Keep).await;
    finished.expect("the reply is stored");
}

pub(super) fn reply(body: &'static str) -> StoredReply {
    StoredReply::new(200, Vec::new(), body)
}
