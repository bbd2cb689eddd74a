use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, Uri};

use super::server::HttpServer;
use super::{Connections, connections};

/// A reverse proxy as one writes it with axum: the floor of the gateway.
#[derive(Clone)]
pub(crate) struct Proxy {
    connections: Connections,
    upstream: SocketAddr,
}

impl Proxy {
    pub(crate) fn start(upstream: SocketAddr) -> Result<HttpServer> {
        let proxy = Self {
            connections: connections(false),
            upstream,
        };
        HttpServer::serving(Router::new().fallback(forward).with_state(proxy))
    }
}

async fn forward(State(proxy): State<Proxy>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let uri = format!("http://{}{path}", proxy.upstream);
    let Ok(uri) = uri.parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    match proxy.connections.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
