//! What was found for one request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Response, request};
use ipc_core::envelope::CorrelationId;

use crate::auth;
use crate::breaker::Guard;
use crate::config::ServiceMode;
use crate::gateway::aggregate::Aggregate;
use crate::gateway::answer::Refusal;
use crate::gateway::cors::Cors;
use crate::gateway::entry::RouteEntry;
use crate::gateway::handshake::Handshake;
use crate::gateway::legacy::LegacyProxy;
use crate::gateway::moving::{Moving, Side};
use crate::gateway::rewriting::Changes;
use crate::gateway::socket::ToSocket;
use crate::metrics::RouteMetrics;

/// Where one request goes.
#[derive(Debug)]
pub(in crate::gateway) enum Destination<'d> {
    /// With the breaker before it, where there is one.
    Service(ToService, Option<&'d Guard>),
    Legacy {
        proxy: &'d LegacyProxy,
        timeout: Duration,
    },
    Moving(Box<Moving<'d>>),
    /// To several at once.
    Aggregate(Box<Aggregate<'d>>),
    /// It is asked what became of an operation; `None` where it can be none.
    Operation(Option<CorrelationId>),
    /// The gateway answers itself.
    Nowhere(Refusal),
    /// It has answered already, what is for itself alone.
    Here(Box<Response<Body>>),
}

/// What was found for one request.
#[derive(Debug)]
pub(in crate::gateway) struct Found<'d> {
    pub(in crate::gateway) destination: Destination<'d>,
    /// What counts it.
    pub(in crate::gateway) metrics: &'d RouteMetrics,
    /// Who may send it, where not anybody may.
    pub(in crate::gateway) callers: Option<&'d auth::Guard>,
    /// What browsers are told of its answer.
    pub(in crate::gateway) cors: Option<&'d Cors>,
    /// What it must pass first, where it has a route.
    pub(in crate::gateway) entry: Option<&'d RouteEntry>,
    /// What its route changes, where it has one.
    pub(in crate::gateway) changes: Option<Changes<'d>>,
}

impl<'d> Found<'d> {
    /// For a request that no route has anything to say of.
    pub(super) fn unrouted(destination: Destination<'d>, metrics: &'d RouteMetrics) -> Self {
        Self {
            destination,
            metrics,
            callers: None,
            cors: None,
            entry: None,
            changes: None,
        }
    }
}

impl Found<'_> {
    /// Whether it is a service that WebSockets are spoken with.
    pub(in crate::gateway) fn is_socket(&self) -> bool {
        let to = match &self.destination {
            Destination::Service(to, _) => to,
            Destination::Moving(moving) if moving.side == Side::Kafka => &moving.to,
            _ => return false,
        };
        to.mode == ServiceMode::WebSocket
    }

    /// For a request that asks for a WebSocket there, or for something else.
    pub(in crate::gateway) fn of_socket(mut self, head: &mut request::Parts) -> Self {
        match Handshake::of(head, self.cors) {
            Ok(handshake) => drop(head.extensions.insert(handshake)),
            Err(refusal) => self.destination = Destination::Nowhere(refusal),
        }
        self
    }

    /// For a request that only the legacy upstream can answer; `refusal` where it would
    /// go elsewhere.
    pub(in crate::gateway) fn of_legacy(mut self, refusal: Refusal) -> Self {
        match &mut self.destination {
            Destination::Legacy { .. } => {}
            Destination::Moving(moving) if moving.side != Side::Kafka => moving.uncopied(),
            destination => *destination = Destination::Nowhere(refusal),
        }
        self
    }
}

/// How a service is asked.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct ToService {
    pub(in crate::gateway) service: Arc<str>,
    pub(in crate::gateway) mode: ServiceMode,
    pub(in crate::gateway) key: Option<Bytes>,
    pub(in crate::gateway) timeout: Duration,
    /// How long it may take over what is answered later.
    pub(in crate::gateway) within: Duration,
    /// Whether a client may say how long it waits.
    pub(in crate::gateway) prefer: bool,
    /// Whether what it answers too late can be asked for.
    pub(in crate::gateway) late_replies: bool,
    /// How long its stream waits for a client that comes back, where it does.
    pub(in crate::gateway) resume: Option<Duration>,
    /// Whether its answers may be given again.
    pub(in crate::gateway) cache: bool,
    /// How a WebSocket is spoken with it, where one is.
    pub(in crate::gateway) socket: Option<Box<ToSocket>>,
    /// What it must pass on its way.
    pub(in crate::gateway) entry: Arc<RouteEntry>,
}
