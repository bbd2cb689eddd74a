//! Requests of a route that moves from the legacy upstream to its service.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use http::{Request, Response, StatusCode, request};
use matchit::Params;

use super::answer::Refusal;
use super::destination::{Destination, Found, ToService};
use super::fallback::Fallback;
use super::identity::identity;
use super::key::{decoded, only_value};
use super::legacy::LegacyProxy;
use super::rewriting::Changes;
use super::{Inner, body};
use crate::breaker::Guard;
use crate::config::ServiceMode;
use crate::metrics::RouteMetrics;
use crate::migration::Stage;
use crate::migration::route::{MovingRoute, Standing};
use crate::migration::split::is_on_kafka;
use crate::peer::Peer;

/// A route that moves, as it is served.
#[derive(Debug)]
pub(super) struct InMotion {
    pub(super) route: Arc<MovingRoute>,
    /// What counts the requests that the legacy upstream answers.
    pub(super) legacy: RouteMetrics,
    /// How the legacy upstream answers what the service did not, where it does.
    pub(super) fallback: Option<Fallback>,
}

/// A request of a route that goes to a service.
pub(super) struct Routed<'r, 'd> {
    pub(super) head: &'r request::Parts,
    pub(super) params: &'r Params<'r, 'r>,
    pub(super) peer: &'r Peer,
    pub(super) to: ToService,
    /// The breaker before the service.
    pub(super) guard: Option<&'d Guard>,
}

/// A request of a route that moves, and the side it is on.
#[derive(Debug)]
pub(super) struct Moving<'d> {
    pub(super) route: &'d Arc<MovingRoute>,
    pub(super) standing: Arc<Standing>,
    pub(super) side: Side,
    pub(super) to: ToService,
    /// The breaker before the service.
    pub(super) guard: Option<&'d Guard>,
    pub(super) proxy: &'d LegacyProxy,
    pub(super) fallback: Option<&'d Fallback>,
    /// What its route changes on the service's side. The legacy upstream gets a request
    /// as it came.
    pub(super) changes: Changes<'d>,
}

/// Who answers a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// The legacy upstream.
    Legacy,
    /// The legacy upstream, and a copy goes to the service.
    Shadow,
    /// The service.
    Kafka,
}

impl Side {
    /// The side of a request with this method, whose identity is only asked for where
    /// it decides.
    pub(super) fn of(
        stage: Stage,
        identity: impl FnOnce() -> bytes::Bytes,
        is_shadowed: bool,
    ) -> Self {
        match stage {
            Stage::Legacy => Self::Legacy,
            Stage::Shadow if is_shadowed => Self::Shadow,
            Stage::Shadow => Self::Legacy,
            Stage::Kafka => Self::Kafka,
            stage if is_on_kafka(stage, &identity()) => Self::Kafka,
            Stage::Percent(_) => Self::Legacy,
        }
    }
}

impl InMotion {
    pub(super) fn fallback_guard(&self) -> Option<&Arc<Guard>> {
        self.fallback.as_ref()?.guard()
    }

    /// Where a request goes, whose `changes` are those on the service's side, and
    /// which can be sent there where `possible`. `kafka` counts what the service answers.
    pub(super) fn find<'d>(
        &'d self,
        routed: Routed<'_, 'd>,
        proxy: &'d LegacyProxy,
        changes: Changes<'d>,
        possible: Result<(), Refusal>,
        kafka: &'d RouteMetrics,
    ) -> Found<'d> {
        let Routed {
            head,
            params,
            peer,
            to,
            guard,
        } = routed;
        let route = &self.route;
        let standing = route.standing();
        let whose = || {
            let key = to.key.clone().or_else(|| only_value(params).map(decoded));
            identity(key, &route.rules().sticky, &head.headers, peer)
        };
        let is_compared = !matches!(
            to.mode,
            ServiceMode::Stream | ServiceMode::WebSocket | ServiceMode::Accepted
        );
        let is_shadowed = is_compared && route.shadows(&head.method);
        let (side, metrics) = match (
            Side::of(standing.position.stage, whose, is_shadowed),
            possible,
        ) {
            (Side::Kafka, Err(refusal)) => {
                return Found {
                    destination: Destination::Nowhere(refusal),
                    metrics: kafka,
                    callers: None,
                    cors: None,
                    entry: None,
                    changes: Some(changes),
                };
            }
            (Side::Kafka, Ok(())) => (Side::Kafka, kafka),
            (Side::Shadow, Err(_)) => {
                standing.not_compared();
                (Side::Legacy, &self.legacy)
            }
            (side, _) => (side, &self.legacy),
        };
        let moving = Moving {
            route,
            standing,
            side,
            to,
            guard,
            proxy,
            fallback: self.fallback.as_ref(),
            changes,
        };
        Found {
            destination: Destination::Moving(Box::new(moving)),
            metrics,
            callers: None,
            cors: None,
            entry: None,
            changes: None,
        }
    }
}

impl Inner {
    pub(super) async fn moving(
        &self,
        mut moving: Moving<'_>,
        request: Request<Body>,
        peer: &Peer,
    ) -> Result<Response<Body>, Refusal> {
        match moving.side {
            Side::Legacy => moving.ask_legacy(request, peer).await,
            Side::Shadow => {
                let vouching = self.destinations.vouching(request.extensions().get());
                let limit = self.limits.body;
                let begun = (self.shadows).begin(&mut moving, request, peer, vouching, limit);
                match begun {
                    Ok((request, legacy)) => {
                        let answer = moving.ask_legacy(request, peer).await;
                        answer.map(|answer| legacy.copy(answer))
                    }
                    Err(request) => moving.ask_legacy(request, peer).await,
                }
            }
            Side::Kafka => self.moved(moving, request, peer).await,
        }
    }

    /// Asks the service, and the legacy upstream where it did not answer and that can
    /// do no harm.
    async fn moved(
        &self,
        moving: Moving<'_>,
        request: Request<Body>,
        peer: &Peer,
    ) -> Result<Response<Body>, Refusal> {
        let Moving {
            standing,
            to,
            guard,
            proxy,
            fallback,
            mut changes,
            ..
        } = moving;
        let timeout = to.timeout;
        let (request, again) = if fallback.is_some() {
            match self.twice(request).await {
                Ok((request, again)) => (request, Some(again)),
                Err(refusal) => return Ok(changes.of_answer(Err(refusal))),
            }
        } else {
            (request, None)
        };
        let (mut head, body) = request.into_parts();
        changes.request(&mut head);
        let asked = Instant::now();
        let request = Request::from_parts(head, body);
        let answer = self.over_kafka(to, guard, request, peer).await;
        let is_of_the_service = answer
            .as_ref()
            .map_or_else(Refusal::is_of_the_service, |_| true);
        if is_of_the_service {
            standing.kafka_answered(has_failed(&answer), asked.elapsed());
        }
        let (passed, again) = match (&answer, fallback, again) {
            (Err(refusal), Some(fallback), Some(again))
                if is_of_the_service
                    && (!refusal.may_be_executed() || again.method().is_idempotent()) =>
            {
                let Some(passed) = fallback.takes(refusal, &standing) else {
                    return Ok(changes.of_answer(answer));
                };
                refusal.log();
                (passed, again)
            }
            (_, fallback, _) => {
                if let (Some(fallback), false) = (fallback, has_failed(&answer)) {
                    fallback.succeeded();
                }
                return Ok(changes.of_answer(answer));
            }
        };
        standing.fell_back();
        let answer = passed.until(proxy.answer(again, peer, timeout)).await;
        standing.legacy_answered(has_failed(&answer));
        answer
    }

    /// A request that can be sent again.
    async fn twice(
        &self,
        request: Request<Body>,
    ) -> Result<(Request<Body>, Request<Body>), Refusal> {
        let (head, body) = request.into_parts();
        let body = body::read(body, &self.limits).await?;
        let again = Request::from_parts(head.clone(), Body::from(body.clone()));
        Ok((Request::from_parts(head, Body::from(body)), again))
    }
}

impl Moving<'_> {
    /// Makes no copy of the request, if one was to be made.
    pub(super) fn uncopied(&mut self) {
        if self.side == Side::Shadow {
            self.standing.not_compared();
            self.side = Side::Legacy;
        }
    }

    async fn ask_legacy(
        &self,
        request: Request<Body>,
        peer: &Peer,
    ) -> Result<Response<Body>, Refusal> {
        let answer = self.proxy.answer(request, peer, self.to.timeout).await;
        self.standing.legacy_answered(has_failed(&answer));
        answer
    }
}

/// Whether an answer is none, or says that the server failed.
fn has_failed(answer: &Result<Response<Body>, Refusal>) -> bool {
    answer
        .as_ref()
        .map_or(true, |response| is_failure(response.status()))
}

pub(super) fn is_failure(status: StatusCode) -> bool {
    status.is_server_error()
}
