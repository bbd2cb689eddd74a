//! The stages of a request's way through the gateway.

use std::sync::Arc;

use axum::body::Body;
use http::header::TRAILER;
use http::{Request, Response, request};
use ipc_core::envelope::{Problem, QueueTime};

use super::accepted::{Accepting, Patience};
use super::answer::Refusal;
use super::cached::Looked;
use super::destination::{Destination, Found, ToService};
use super::entry::{Entered, RouteEntry};
use super::intake::Passage;
use super::moving::Side;
use super::prefer::Preference;
use super::resume::Keep;
use super::socket::Opening;
use super::tunnel::Upgrade;
use super::{
    Inner, accepted, ambiguity, auth, body, guarded, handshake, inherited, intake, one_way,
    request_reply, stream,
};
use crate::auth::Principal;
use crate::breaker::Guard;
use crate::config::ServiceMode;
use crate::peer::Peer;
use crate::sockets::SOCKET_ID;
use crate::spent::Beyond;
use crate::upstream::Outbound;

/// What a request must pass before it goes anywhere.
pub(super) struct Must<'d> {
    pub(super) callers: Option<&'d crate::auth::Guard>,
    pub(super) entry: Option<&'d RouteEntry>,
    /// How its route is called.
    pub(super) label: &'d Arc<str>,
}

impl Inner {
    /// Finds where a request goes, as far as it may go at all, and the protocol that it
    /// asks to change to.
    pub(super) fn found(
        &self,
        head: &mut request::Parts,
        peer: &Peer,
    ) -> (Found<'_>, Option<Upgrade>) {
        let checked = intake::check(head, &self.limits).and_then(|passage| {
            // What has been a server of its own may resolve what a service gets as it is.
            if self.destinations.legacy().is_some() {
                ambiguity::check_path(head)?;
            }
            Ok(passage)
        });
        let passage = match checked {
            Ok(passage) => passage,
            Err(refusal) => return (self.destinations.refused(refusal), None),
        };
        let inherited = match self.destinations.of_sidecar() {
            true => inherited::deadline(&head.headers),
            false => None,
        };
        intake::normalise(head);
        let found = match self.operation_asked_for(head) {
            Some(id) => self.destinations.of_operation(id),
            None => self.destinations.find(head, peer),
        };
        let found = match inherited {
            Some(deadline) => found.until(deadline),
            None => found,
        };
        match passage {
            Passage::Anywhere => (found, None),
            Passage::Legacy(_) if found.is_socket() => (found.of_socket(head), None),
            Passage::Legacy(refusal) => (found.of_legacy(refusal), Upgrade::asked(head)),
        }
    }

    /// Lets a request in, or says why not.
    pub(super) async fn admit(
        &self,
        must: Must<'_>,
        head: &mut request::Parts,
        peer: &Peer,
    ) -> Result<Entered, Refusal> {
        if let Some(callers) = must.callers {
            auth::admit(callers, head, peer).await?;
        }
        let entering = self.entries.enter(must.entry, must.label, head, peer);
        entering.await
    }

    /// Has a request answered by whom it goes to, and says who that is where it is not the
    /// gateway itself.
    pub(super) async fn ask(
        &self,
        destination: Destination<'_>,
        request: Request<Body>,
        peer: &Peer,
    ) -> (Option<Beyond>, Result<Response<Body>, Refusal>) {
        match destination {
            Destination::Service(to, guard) => {
                let answer = self.over_kafka(to, guard, request, peer).await;
                (Some(Beyond::Kafka), answer)
            }
            Destination::Legacy { proxy, timeout } => {
                let answer = proxy.answer(request, peer, timeout).await;
                (Some(Beyond::Legacy), answer)
            }
            Destination::Moving(moving) => {
                let beyond = match moving.side {
                    Side::Legacy | Side::Shadow => Beyond::Legacy,
                    Side::Kafka => Beyond::Kafka,
                };
                // Boxed, since most requests have no need of the room.
                (
                    Some(beyond),
                    Box::pin(self.moving(*moving, request, peer)).await,
                )
            }
            Destination::Aggregate(aggregate) => {
                (None, Box::pin(self.aggregate(&aggregate, peer)).await)
            }
            Destination::Operation(id) => (None, Box::pin(self.operation(id, request, peer)).await),
            Destination::Nowhere(refusal) => (None, Err(refusal)),
            Destination::Here(answer) => (None, Ok(*answer)),
        }
    }

    pub(super) async fn over_kafka(
        &self,
        to: ToService,
        guard: Option<&Guard>,
        request: Request<Body>,
        peer: &Peer,
    ) -> Result<Response<Body>, Refusal> {
        if request.headers().contains_key(TRAILER) {
            return Err(trailers().into());
        }
        let (mut head, body) = request.into_parts();
        // The gateway's own to say.
        head.headers.remove(SOCKET_ID);
        let keep = Keep::of(&self.kept, &to, &head, &self.limits);
        if let Some(keep) = &keep
            && let Some(rest) = self.resumed(keep, &head.headers).await
        {
            return Ok(rest);
        }
        let preference = to.prefer.then(|| Preference::of(&head.headers)).flatten();
        let keeping = match self.look(&to, &head, preference.is_none()) {
            Looked::Hit(answer) => return Ok(answer),
            Looked::Miss(keeping) => keeping,
        };
        guarded::check(guard)?;
        let (mode, patience) = match preference {
            Some(preference) => (ServiceMode::Accepted, Patience::Preferred(preference)),
            None if to.late_replies => (to.mode, Patience::OfCall),
            None => (to.mode, Patience::None),
        };
        let principal: Option<Principal> = head.extensions.remove();
        let body = body::read(body, &self.limits).await?;
        let outbound = Outbound {
            service: to.service,
            request: Request::from_parts(head, body),
            key: to.key,
            timeout: to.timeout,
            peer: peer.clone(),
            vouching: self.destinations.vouching(principal.as_ref()),
            principal,
            shadow: false,
        };
        let passing = to.entry.to_service(mode, to.timeout)?;
        let upstream = &*self.upstream;
        let answer = async {
            match mode {
                ServiceMode::Call if !to.late_replies => {
                    request_reply::answer(upstream, outbound).await
                }
                ServiceMode::OneWay => one_way::answer(upstream, outbound).await,
                ServiceMode::Accepted | ServiceMode::Call => {
                    let accepting = Accepting {
                        route: to.entry.label(),
                        within: to.within,
                        patience,
                    };
                    let operations = self.operations.as_deref();
                    // Boxed, since most requests have no need of the room.
                    let answer = accepted::answer(upstream, operations, accepting, outbound);
                    Box::pin(answer).await
                }
                ServiceMode::WebSocket => {
                    let opening = Opening {
                        upstream: &self.upstream,
                        sockets: &self.sockets,
                        route: to.entry.label(),
                        to: to.socket.as_deref().ok_or_else(handshake::needed)?,
                    };
                    Box::pin(opening.answer(outbound)).await
                }
                ServiceMode::Stream => {
                    stream::answer(upstream, outbound, keep, self.draining.clone()).await
                }
            }
        };
        let answer = guarded::pass(guard)?.until(answer).await;
        match (passing, &answer) {
            (Some(passing), Ok(response)) => {
                let told = response.extensions().get::<QueueTime>();
                passing.answered(told.map(|queued| queued.0));
            }
            (Some(passing), Err(refusal)) if refusal.may_be_executed() => passing.timed_out(),
            _ => {}
        }
        match (keeping, answer) {
            // Boxed, since most requests have no need of the room.
            (Some(keeping), Ok(answer)) => Ok(Box::pin(keeping.end(answer)).await),
            (_, answer) => answer,
        }
    }
}

fn trailers() -> Problem {
    Problem::new(
        "not-supported",
        "the request asks for what cannot cross a log",
        501,
    )
    .with_detail("header trailer announces trailers: send them as headers, or in the body")
}
