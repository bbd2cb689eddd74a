//! The way in: HTTP-shaped records to the application, others to the handler of
//! their topic.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::Method;
use http::uri::PathAndQuery;
use tower::Service;

use crate::dispatch::{Delivery, Outcome, Policies, Policy};
use crate::envelope::{Envelope, RequestHead};
use crate::handler::TopicHandler;
use crate::http::set_default_route;

/// What records without method and path are for.
#[derive(Clone, Debug, Default)]
pub(super) struct Topical {
    /// By full topic name.
    handlers: Arc<BTreeMap<Arc<str>, TopicHandler>>,
    default_route: Option<(Method, PathAndQuery)>,
}

impl Topical {
    pub(super) fn new(
        handlers: BTreeMap<Arc<str>, TopicHandler>,
        default_route: Option<(Method, PathAndQuery)>,
    ) -> Self {
        Self {
            handlers: Arc::new(handlers),
            default_route,
        }
    }

    /// The application's policies, and one for each topic with a handler.
    pub(super) fn policies(&self, of: Arc<dyn Policies>, default: &Policy) -> TopicPolicies {
        let policy = |topic: &Arc<str>| {
            let mut policy = default.clone();
            policy.name = format!("topic {topic}").into();
            (Arc::clone(topic), Arc::new(policy))
        };
        TopicPolicies {
            application: of,
            topics: self.handlers.keys().map(policy).collect(),
        }
    }
}

/// Policies by topic for records without method and path.
pub(super) struct TopicPolicies {
    application: Arc<dyn Policies>,
    topics: BTreeMap<Arc<str>, Arc<Policy>>,
}

impl Policies for TopicPolicies {
    fn find(&self, head: &RequestHead, envelope: &Envelope, topic: &str) -> Arc<Policy> {
        match self.topics.get(topic).filter(|_| !head.is_http()) {
            Some(policy) => Arc::clone(policy),
            None => self.application.find(head, envelope, topic),
        }
    }

    fn of_topic(&self, topic: &str) -> Option<Arc<Policy>> {
        self.topics.get(topic).cloned()
    }

    fn all(&self) -> Vec<Arc<Policy>> {
        let mut all = self.application.all();
        all.extend(self.topics.values().cloned());
        all
    }
}

/// Hands each delivery to the application or to its topic's handler.
#[derive(Clone)]
pub(super) struct Entrance<H> {
    application: H,
    topical: Topical,
    /// The last record's topic, where it has a handler: mostly the next one's too.
    last: Option<(Arc<str>, TopicHandler)>,
}

impl<H> Entrance<H> {
    pub(super) fn new(application: H, topical: Topical) -> Self {
        Self {
            application,
            topical,
            last: None,
        }
    }

    /// The handler of this topic.
    fn handler(&mut self, topic: &Arc<str>) -> Option<&mut TopicHandler> {
        let is_last = |(last, _): &(Arc<str>, _)| Arc::ptr_eq(last, topic);
        if !self.last.as_ref().is_some_and(is_last) {
            let handler = self.topical.handlers.get(topic)?.clone();
            self.last = Some((Arc::clone(topic), handler));
        }
        self.last.as_mut().map(|(_, handler)| handler)
    }
}

impl<H> Service<Delivery> for Entrance<H>
where
    H: Service<Delivery, Response = Outcome, Error = Infallible>,
{
    type Response = Outcome;
    type Error = Infallible;
    type Future = Either<H::Future, <TopicHandler as Service<Delivery>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.application.poll_ready(cx)
    }

    fn call(&mut self, mut delivery: Delivery) -> Self::Future {
        if !delivery.head.is_http() {
            if let Some(handler) = self.handler(&delivery.home().partition.topic) {
                return Either::Right(handler.call(delivery));
            }
            if let Some((method, path)) = &self.topical.default_route {
                set_default_route(&mut delivery, method, path);
            }
        }
        Either::Left(self.application.call(delivery))
    }
}
