//! From what was set up to a service that runs.

use std::sync::Arc;

use tower::ServiceBuilder as Layers;
use uuid::Uuid;

use super::ServiceBuilder;
use crate::dispatch::{Guarantee, Policies as _, Policy};
use crate::layer::{
    DeadLetterLayer, DedupLayer, GuardLayer, MetricsLayer, RetryLayer, TraceLayer, WatchLayer,
};
#[cfg(feature = "http-server")]
use crate::service::Admin;
use crate::service::entrance::{Entrance, Topical};
use crate::service::running::{Parts, Service, Stored};
use crate::service::topics::Topics;
use crate::service::{Application, Prepared, ServeError, checks, outage, topics};
use crate::transport::TopologyPlan;

impl ServiceBuilder {
    /// What holds where nothing else is said.
    fn policy(&self) -> Policy {
        let mut policy = self.default_policy.clone();
        policy.retry = self.retry.or(policy.retry);
        policy.principals = self.principals.clone().or(policy.principals);
        policy
    }

    pub(in crate::service) fn topology<A: Application>(
        self,
        app: A,
    ) -> Result<TopologyPlan, ServeError> {
        let prepared = app.prepare(self.policy())?;
        let mut extra = prepared.topics;
        extra.extend(self.topic_handlers.into_keys());
        let all = prepared.policies.all();
        checks::run(&self.name, &self.limits, &all, self.dedup.as_ref())?;
        let names = self.source.topic_names();
        let dead_letter = self.dead_letter.as_deref();
        let delays = topics::delays(&all);
        let topics = Topics::new(&names, &self.name, dead_letter, &extra, delays)
            .with(self.dedup.as_ref(), &names)
            .parking(&all, &names)
            .transactional(is_transactional(&all));
        let group = self.group.unwrap_or(self.name);
        Ok(topics.plan(&group, self.create_topics))
    }

    pub(in crate::service) async fn start<A: Application>(
        mut self,
        app: A,
    ) -> Result<Service, ServeError> {
        let Prepared {
            handler,
            policies,
            topics: mut extra,
            others,
        } = app.prepare(self.policy())?;
        let default_policy = self.policy();
        extra.extend(self.topic_handlers.keys().cloned());
        let all = policies.all();
        checks::run(&self.name, &self.limits, &all, self.dedup.as_ref())?;
        #[cfg(feature = "http-server")]
        let admin = match self.admin {
            Some(address) => {
                let metrics = self.metrics.clone();
                let render = move || metrics.render();
                Some(Admin::start(address, self.health.clone(), render).await?)
            }
            None => None,
        };
        let mut faults = Vec::new();
        if let Some(dedup) = &self.dedup {
            self.health.starting("looking for its dedup store");
            faults.extend(checks::store(&self.name, &self.limits, dedup, &all).await);
        }
        #[cfg(feature = "postgres")]
        if let Some(outbox) = &self.outbox {
            self.health.starting("looking for its outbox");
            faults.extend(outbox.check().await.err().map(|fault| fault.to_string()));
        }
        if !faults.is_empty() {
            return Err(ServeError::Configuration(faults));
        }
        self.health.starting("connecting to the broker");
        let transport = self.source.connect(&self.metrics).await?;
        let topics = Topics::new(
            &transport.topic_names(),
            &self.name,
            self.dead_letter.as_deref(),
            &extra,
            topics::delays(&all),
        );
        let names = transport.topic_names();
        let topics = topics
            .with(self.dedup.as_ref(), &names)
            .parking(&all, &names)
            .transactional(is_transactional(&all));
        if let Some(dedup) = &self.dedup {
            dedup.store.attach(&transport);
        }
        let handlers = self.topic_handlers.into_iter();
        let handlers = handlers.map(|(topic, handler)| (names.named(&topic), handler));
        let topical = Topical::new(handlers.collect(), self.default_route);
        let policies = topical.policies(policies, &default_policy);
        let handler = self.layers.around(Entrance::new(handler, topical));
        self.health.starting("looking for its topics");
        let name: Arc<str> = self.name.into();
        let group = self.group.map_or_else(|| Arc::clone(&name), Arc::from);
        topics
            .provide(&*transport, &group, self.create_topics)
            .await?;
        self.health.starting("running the hooks before the start");
        self.hooks.start().await?;
        let instance: Arc<str> = format!("{name}/{}", Uuid::new_v4().simple()).into();
        let stored = self.dedup.as_ref().map(|dedup| Stored {
            dedup: dedup.clone(),
            health: Arc::new(self.health.store(dedup.store.name())),
            scopes: outage::scopes(&policies.all(), &default_policy, others, dedup),
        });
        let dedup = match &stored {
            None => DedupLayer::off(),
            Some(Stored { dedup, health, .. }) => {
                let (dedup, health) = (dedup.clone(), Arc::clone(health));
                let service = Arc::clone(&name);
                let instance = Arc::clone(&instance);
                DedupLayer::new(dedup, service, instance, self.metrics.clone(), health)
            }
        };
        let afterwards = dedup.afterwards();
        let reply_topics = self.reply_topics.except(topics.own());
        let handler = Layers::new()
            .layer(DeadLetterLayer::new(
                Arc::clone(&transport),
                Arc::clone(&topics.dead_letters),
                Arc::clone(&name),
                Arc::clone(&group),
                self.metrics.clone(),
                reply_topics.clone(),
            ))
            .layer(RetryLayer::with_tiers(
                self.metrics.clone(),
                Arc::clone(&transport),
                topics.retries.clone(),
            ))
            .layer(GuardLayer::new(self.limits.unknown_endpoint_grace))
            .layer(TraceLayer::new(Arc::clone(&name)))
            .layer(dedup)
            .layer(WatchLayer::new(self.health.clone()))
            .layer(MetricsLayer::new(self.metrics.clone()))
            .service(handler);
        #[cfg(feature = "postgres")]
        let relay = self.outbox.map(|outbox| {
            let relay = outbox.relay(Arc::clone(&transport));
            relay
                .metrics(self.metrics.clone())
                .health(self.health.clone())
        });
        let parts = Parts {
            transactional_id: transactional_id(&all, &group, &instance),
            name,
            instance,
            group,
            reply_topics,
            topics,
            limits: self.limits,
            transport,
            policies: Arc::new(policies),
            metrics: self.metrics,
            health: self.health,
            hooks: self.hooks,
            stored,
            #[cfg(feature = "postgres")]
            relay,
            afterwards,
            #[cfg(feature = "http-server")]
            admin,
            #[cfg(feature = "http-server")]
            http: self.http,
        };
        parts.start(handler).await
    }
}

/// Whether any endpoint is exactly once.
fn is_transactional(policies: &[Arc<Policy>]) -> bool {
    let exactly_once = |policy: &Arc<Policy>| policy.guarantee == Guarantee::ExactlyOnce;
    policies.iter().any(exactly_once)
}

/// Under which the outputs of exactly-once endpoints are written, where there are any.
/// It is this run's alone: whoever is taken for dead is shut out by its membership of
/// the group, not by a successor with the same id.
fn transactional_id(policies: &[Arc<Policy>], group: &str, instance: &str) -> Option<String> {
    let run = instance.rsplit('/').next().unwrap_or_default();
    is_transactional(policies).then(|| format!("{}{run}", topics::transactional_ids(group)))
}
