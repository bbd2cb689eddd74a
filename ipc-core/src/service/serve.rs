//! An application about to be served.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use super::running::Service;
use super::{Application, ServeError, ServiceBuilder};
use crate::transport::TopologyPlan;

/// An application with everything its service was set up with. Await it to
/// serve, or [`start`](Serve::start) it to go on with something else.
#[must_use = "nothing is served until this is awaited or started"]
pub struct Serve<A> {
    builder: ServiceBuilder,
    app: A,
    shutdown: Signal,
}

type Signal = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<A: Application> Serve<A> {
    pub(super) fn new(builder: ServiceBuilder, app: A) -> Self {
        Self {
            builder,
            app,
            shutdown: Box::pin(std::future::pending()),
        }
    }

    /// Drains and ends when `signal` resolves;
    /// [`shutdown_signal`](super::shutdown_signal) is the usual one. Default:
    /// never.
    pub fn with_graceful_shutdown(
        mut self,
        signal: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.shutdown = Box::pin(signal);
        self
    }

    /// What the service needs of its cluster: its topics, and what it must be
    /// allowed to do. Nobody is asked, and nothing is made.
    ///
    /// Missing are the callers' reply topics, which a service writes to and does not
    /// know beforehand.
    ///
    /// ```
    /// use ipc_core::service::Service;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = axum::Router::new().route("/ping", axum::routing::get(async || "pong"));
    /// let orders = Service::builder("orders").create_topics(12).serve(app);
    /// let yaml = orders.topology()?.to_yaml("User:orders");
    /// assert!(yaml.contains(r#"topicName: "orders.requests""#));
    /// print!("{yaml}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ServeError::Configuration`] or [`ServeError::Routes`], where the set-up
    /// contradicts itself.
    pub fn topology(self) -> Result<TopologyPlan, ServeError> {
        self.builder.topology(self.app)
    }

    /// Starts serving and returns the running service.
    ///
    /// # Errors
    ///
    /// [`ServeError`]: whatever keeps the service from starting.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the group again.
    pub async fn start(self) -> Result<Service, ServeError> {
        self.builder.start(self.app).await
    }
}

/// Serves until the shutdown signal, drains, and ends.
///
/// # Errors
///
/// [`ServeError`]: whatever keeps the service from starting.
///
/// # Cancel safety
///
/// Dropping the future ends the service without draining.
impl<A> IntoFuture for Serve<A>
where
    A: Application + Send + 'static,
{
    type Output = Result<(), ServeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let service = self.builder.start(self.app).await?;
            self.shutdown.await;
            service.stop().await;
            Ok(())
        })
    }
}

impl<A> std::fmt::Debug for Serve<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serve").finish_non_exhaustive()
    }
}
