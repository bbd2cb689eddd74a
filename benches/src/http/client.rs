use std::net::SocketAddr;

use anyhow::{Result, bail, ensure};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tokio::runtime::Runtime;

use super::{Connections, connections};
use crate::load::{Load, Sample, closed};
use crate::ours::Note;
use crate::worker::Subject;

/// Sends the echo's requests over HTTP and reads what comes back.
pub(crate) struct HttpClient {
    runtime: Runtime,
    connections: Connections,
    uri: String,
}

impl HttpClient {
    pub(crate) fn start(server: SocketAddr) -> Result<Self> {
        let runtime = Runtime::new()?;
        let client = Self {
            connections: connections(),
            uri: format!("http://{server}/echo"),
            runtime,
        };
        let first = echo(client.connections.clone(), client.uri.clone());
        client.runtime.block_on(first)?;
        Ok(client)
    }
}

async fn echo(connections: Connections, uri: String) -> Result<()> {
    let note = Note::new();
    let request = Request::post(uri)
        .header("content-type", "application/json")
        .body(Body::from(serde_json::to_vec(&note)?))?;
    let response = connections.request(request).await?;
    let status = response.status();
    ensure!(status.is_success(), "answered {status}");
    let body = response.into_body().collect().await?.to_bytes();
    let reply: Note = serde_json::from_slice(&body)?;
    ensure!(reply == note, "another body");
    Ok(())
}

impl Subject for HttpClient {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        let Load::Closed {
            in_flight, span, ..
        } = *load
        else {
            bail!("an HTTP client cannot do that");
        };
        let (connections, uri) = (self.connections.clone(), self.uri.clone());
        let call = move |_| echo(connections.clone(), uri.clone());
        self.runtime.block_on(closed(in_flight, span, call))
    }
}
