//! Requests of a route that moves from the legacy upstream to its service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use http::{Request, Response, StatusCode};

use super::answer::Refusal;
use super::destination::ToService;
use super::legacy::LegacyProxy;
use super::{Inner, body};
use crate::migration::Stage;
use crate::migration::route::{MovingRoute, Standing};
use crate::migration::split::is_on_kafka;

/// A request of a route that moves, and the side it is on.
#[derive(Debug)]
pub(super) struct Moving<'d> {
    pub(super) route: &'d Arc<MovingRoute>,
    pub(super) standing: Arc<Standing>,
    pub(super) side: Side,
    pub(super) to: ToService,
    pub(super) proxy: &'d LegacyProxy,
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

impl Inner {
    pub(super) async fn moving(
        &self,
        moving: Moving<'_>,
        request: Request<Body>,
        peer: Option<SocketAddr>,
    ) -> Result<Response<Body>, Refusal> {
        match moving.side {
            Side::Legacy => moving.ask_legacy(request, peer).await,
            Side::Shadow => match self.shadows.begin(&moving, request, peer) {
                Ok((request, legacy)) => {
                    let answer = moving.ask_legacy(request, peer).await;
                    answer.map(|answer| legacy.copy(answer))
                }
                Err(request) => moving.ask_legacy(request, peer).await,
            },
            Side::Kafka => self.moved(moving, request, peer).await,
        }
    }

    /// Asks the service, and the legacy upstream where it did not answer and that can
    /// do no harm.
    async fn moved(
        &self,
        moving: Moving<'_>,
        request: Request<Body>,
        peer: Option<SocketAddr>,
    ) -> Result<Response<Body>, Refusal> {
        let Moving {
            route,
            standing,
            to,
            proxy,
            ..
        } = moving;
        let timeout = to.timeout;
        if !route.rules().fallback {
            let asked = Instant::now();
            let answer = self.over_kafka(to, request, peer).await;
            if answer
                .as_ref()
                .map_or_else(Refusal::is_of_the_service, |_| true)
            {
                standing.kafka_answered(has_failed(&answer), asked.elapsed());
            }
            return answer;
        }
        let (head, body) = request.into_parts();
        let body = body::read(body, self.limits.body).await?;
        let again = Request::from_parts(head.clone(), Body::from(body.clone()));
        let asked = Instant::now();
        let answer = self
            .over_kafka(to, Request::from_parts(head, Body::from(body)), peer)
            .await;
        let Err(refusal) = answer else {
            standing.kafka_answered(has_failed(&answer), asked.elapsed());
            return answer;
        };
        if !refusal.is_of_the_service() {
            return Err(refusal);
        }
        standing.kafka_answered(true, asked.elapsed());
        if refusal.may_be_executed() && !again.method().is_idempotent() {
            return Err(refusal);
        }
        refusal.log();
        standing.fell_back();
        let answer = proxy.answer(again, peer, timeout).await;
        standing.legacy_answered(has_failed(&answer));
        answer
    }
}

impl Moving<'_> {
    async fn ask_legacy(
        &self,
        request: Request<Body>,
        peer: Option<SocketAddr>,
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
