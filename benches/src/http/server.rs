use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::ours::app;
use crate::resources;
use crate::worker::Subject;

/// A Router served over HTTP/1.1 on loopback.
pub(crate) struct HttpServer {
    runtime: Runtime,
    address: SocketAddr,
    serving: JoinSet<()>,
}

impl HttpServer {
    /// The application of the service under measurement.
    pub(crate) fn start() -> Result<Self> {
        Self::serving(app(0)?.into_router())
    }

    pub(super) fn serving(router: Router) -> Result<Self> {
        resources::raise_descriptors()?;
        let runtime = Runtime::new()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.context("no port on loopback")?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|connection| {
            // without it a connection is slower, and works
            let _ = connection.set_nodelay(true);
        });
        let mut serving = JoinSet::new();
        let serve = async move {
            // it never fails, as its documentation says
            let _ = axum::serve(listener, router).await;
        };
        serving.spawn_on(serve, runtime.handle());
        Ok(Self {
            runtime,
            address,
            serving,
        })
    }
}

impl Subject for HttpServer {
    fn address(&self) -> Option<SocketAddr> {
        Some(self.address)
    }

    fn stop(mut self: Box<Self>) {
        self.serving.abort_all();
        self.runtime
            .block_on(async { while self.serving.join_next().await.is_some() {} });
    }
}
