use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::ResponseFuture;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::config::{API_KEY, path};
use super::{Connections, connections};
use crate::load::{Load, Recorder, Sample, closed};
use crate::ours::Note;
use crate::resources;
use crate::worker::Subject;

/// Streams that are opened at once; over HTTP/2 they share a connection.
const BATCH: usize = 100;

/// A client of a server over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HttpPlan {
    pub(crate) server: SocketAddr,
    /// What its paths begin with: `/orders`.
    pub(crate) below: String,
    /// How many routes of a gateway it asks, by chance; where there are none, the echo.
    pub(crate) routes: usize,
    /// Whether it shows its key.
    pub(crate) known: bool,
    /// Whether it speaks HTTP/2, without TLS.
    pub(crate) http2: bool,
}

impl HttpPlan {
    /// One that asks for the echo.
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            below: String::new(),
            routes: 0,
            known: false,
            http2: false,
        }
    }
}

/// Sends the echo's requests over HTTP and reads what comes back.
pub(crate) struct HttpClient {
    runtime: Runtime,
    asking: Arc<Asking>,
    /// Streams that are open, each with what it will say next.
    held: JoinSet<()>,
}

struct Asking {
    connections: Connections,
    plan: HttpPlan,
}

impl HttpClient {
    pub(crate) fn start(plan: HttpPlan) -> Result<Self> {
        resources::raise_descriptors()?;
        let runtime = Runtime::new()?;
        let asking = Arc::new(Asking::new(plan));
        runtime.block_on(Arc::clone(&asking).echo())?;
        Ok(Self {
            runtime,
            asking,
            held: JoinSet::new(),
        })
    }

    /// Opens streams that say nothing after their beginning.
    async fn hold(&mut self, streams: usize) -> Result<Sample> {
        let recorder = Recorder::new();
        let mut opening = JoinSet::new();
        let mut asking = Arc::clone(&self.asking);
        for nth in 1..=streams {
            opening.spawn(Arc::clone(&asking).silence());
            if nth % BATCH == 0 || nth == streams {
                while let Some(opened) = opening.join_next().await {
                    let stream = opened.context("a stream panicked")??;
                    self.held.spawn(async move {
                        // it ends with this process, and who ended it first is not asked
                        let _ = stream.into_body().collect().await;
                    });
                }
                asking = Arc::new(Asking::new(self.asking.plan.clone()));
            }
        }
        Ok(recorder.sample())
    }
}

impl Asking {
    fn new(plan: HttpPlan) -> Self {
        Self {
            connections: connections(plan.http2),
            plan,
        }
    }

    fn request(&self, method: &str, path: &str, body: Body) -> Result<ResponseFuture> {
        let HttpPlan { server, below, .. } = &self.plan;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{server}{below}{path}"))
            .header("content-type", "application/json");
        if self.plan.known {
            request = request.header("x-api-key", API_KEY);
        }
        Ok(self.connections.request(request.body(body)?))
    }

    async fn echo(self: Arc<Self>) -> Result<()> {
        let note = Note::new();
        let body = Body::from(serde_json::to_vec(&note)?);
        let asked = match self.plan.routes {
            0 => self.request("POST", "/echo", body),
            routes => self.request("POST", &path(chosen(routes), "7"), body),
        };
        let response = answered(asked?.await?)?;
        let body = response.into_body().collect().await?.to_bytes();
        let reply: Note = serde_json::from_slice(&body)?;
        ensure!(reply == note, "another body");
        Ok(())
    }

    /// A stream that has begun: its head and its first event are there.
    async fn silence(self: Arc<Self>) -> Result<Response<Body>> {
        let asked = self.request("GET", "/silence", Body::empty())?;
        let mut response = answered(asked.await?)?.map(Body::new);
        let first = response.body_mut().frame().await;
        first.context("the stream has ended")??;
        Ok(response)
    }
}

fn answered<B>(response: Response<B>) -> Result<Response<B>> {
    let status = response.status();
    ensure!(status.is_success(), "answered {status}");
    Ok(response)
}

/// Any of the routes but each tenth, which not every version of a configuration has.
fn chosen(routes: usize) -> usize {
    let nth = fastrand::usize(..routes);
    if nth % 10 == 9 { nth - 1 } else { nth }
}

impl Subject for HttpClient {
    fn load(&mut self, load: &Load) -> Result<Sample> {
        match *load {
            Load::Closed {
                in_flight, span, ..
            } => {
                let asking = Arc::clone(&self.asking);
                let call = move |_| Arc::clone(&asking).echo();
                self.runtime.block_on(closed(in_flight, span, call))
            }
            Load::Hold { calls } => {
                let handle = self.runtime.handle().clone();
                handle.block_on(self.hold(calls))
            }
            _ => bail!("an HTTP client cannot do that"),
        }
    }
}
