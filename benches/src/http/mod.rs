//! The same application over HTTP: directly, behind a proxy, behind the gateway,
//! and without any network.

mod client;
mod config;
mod oneshot;
mod proxy;
mod server;
mod shim;

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub(crate) use self::client::{HttpClient, HttpPlan};
pub(crate) use self::config::{Features, GatewayPlan};
pub(crate) use self::oneshot::Oneshot;
pub(crate) use self::proxy::Proxy;
pub(crate) use self::server::HttpServer;
pub(crate) use self::shim::Gateway;

type Connections = Client<HttpConnector, axum::body::Body>;

/// Keep-alive connections: over HTTP/1.1 as many as are needed at once, over HTTP/2 one.
fn connections(http2: bool) -> Connections {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .http2_only(http2)
        .build(connector)
}
