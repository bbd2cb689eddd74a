//! Who may call, and how those are answered who may not.

use http::header::WWW_AUTHENTICATE;
use http::request;

use super::answer::Refusal;
use crate::auth::{Denied, Guard};
use crate::peer::Peer;

/// Lets a client in, whose principal goes with the request from then on; or says why
/// not.
pub(super) async fn admit(
    guard: &Guard,
    head: &mut request::Parts,
    peer: &Peer,
) -> Result<(), Refusal> {
    match guard.admit(head, peer).await {
        Ok(principal) => {
            head.extensions.insert(principal);
            Ok(())
        }
        Err(denied) => Err(refusal(guard, &denied)),
    }
}

fn refusal(guard: &Guard, denied: &Denied) -> Refusal {
    let refusal = Refusal::from(denied.problem());
    match denied.retry_after {
        Some(wait) => refusal.retry_after(wait),
        None => guard
            .challenges(denied)
            .fold(refusal, |refusal, challenge| {
                refusal.and_header(WWW_AUTHENTICATE, challenge)
            }),
    }
}
