//! A request that went where it was found to go.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, Response, request};

use super::destination::{Destination, Found};
use super::stages::Must;
use super::{Inner, socket};
use crate::access_log::Entry;
use crate::limits::bulkhead::Place;
use crate::metrics::InFlight;
use crate::peer::Peer;
use crate::spent::Spent;
use crate::watched::{Watch, Watched};

/// What became of a request.
pub(super) struct Passed {
    pub(super) response: Response<Body>,
    pub(super) spent: Spent,
    in_flight: InFlight,
    place: Option<Place>,
}

impl Inner {
    /// Has a request that arrived at `started` answered by whom it was found to go to,
    /// once it has passed what holds there; who sent it is noted in `entry`.
    pub(super) async fn pass(
        &self,
        found: Found<'_>,
        mut head: request::Parts,
        body: Body,
        peer: &Peer,
        started: Instant,
        entry: Option<&mut Entry>,
    ) -> Passed {
        let Found {
            destination,
            metrics,
            callers,
            entry: route,
            mut changes,
            ..
        } = found;
        let in_flight = metrics.begin();
        let must = Must {
            callers,
            entry: route,
            label: metrics.name(),
        };
        let entered = self.admit(must, &mut head, peer).await;
        if let (Some(entry), Some(_)) = (entry, callers) {
            entry.sent_by(head.extensions.get().cloned());
        }
        if let Some(changes) = &mut changes {
            changes.request(&mut head);
        }

        let leaving = Instant::now();
        let request = Request::from_parts(head, body);
        let (destination, entered) = match entered {
            Ok(entered) => (destination, Some(entered)),
            Err(refusal) => (Destination::Nowhere(refusal), None),
        };
        let (beyond, answer) = self.ask(destination, request, peer).await;
        let beyond = beyond.map(|place| (place, leaving.elapsed()));

        let mut response = match &changes {
            Some(changes) => changes.of_answer(answer),
            None => answer.unwrap_or_else(Response::from),
        };
        let place = entered.and_then(|entered| entered.tell(response.headers_mut()));
        let place = socket::seated(&mut response, place);
        let spent = Spent {
            admission: leaving.duration_since(started),
            beyond,
            ..Spent::default()
        };
        Passed {
            spent: spent.told_by(&response),
            response,
            in_flight,
            place,
        }
    }
}

impl Passed {
    /// Its answer after `total`, with which it is in flight, and has its place, until that
    /// is sent or given up.
    pub(super) fn answer(self, total: Duration) -> Response<Body> {
        let Self {
            response,
            spent,
            mut in_flight,
            place,
        } = self;
        in_flight.answered(response.status(), total, &spent);
        let answering = Answering { in_flight, place };
        response.map(|body| Body::new(Watched::new(body, answering)))
    }
}

/// Keeps a request in flight, and in its place, until its answer is sent or given up.
struct Answering {
    #[expect(dead_code, reason = "counts until it is dropped")]
    in_flight: InFlight,
    #[expect(dead_code, reason = "is held until it is dropped")]
    place: Option<Place>,
}

impl Watch for Answering {}
