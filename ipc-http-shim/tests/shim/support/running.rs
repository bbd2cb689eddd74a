//! A shim on a free port, and HTTP clients for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ipc_core::health::Health;
use ipc_core::transport::{Transport, TransportError};
use ipc_http_shim::config::{Config, Mistakes, Overrides, load};
use ipc_http_shim::server::{Drained, Live};
use ipc_http_shim::{Shim, upstream::Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// A running shim.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) live: Live,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinSet<Drained>,
    client: Client<HttpConnector, Body>,
}

/// Reads a configuration with nothing over it.
pub(crate) fn try_config(text: &str) -> Result<Config, Mistakes> {
    load("shim.toml", text, &Overrides::default())
}

/// The configuration of a shim on free ports with the routes and settings of `text`.
pub(crate) fn running_config(text: &str) -> Config {
    let text = format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
         kafka.\"bootstrap.servers\" = \"nowhere:1\"\n{text}",
    );
    try_config(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

impl Running {
    /// Starts a shim with a health that others report to as well.
    pub(crate) async fn start_with(text: &str, upstream: impl Upstream, health: Health) -> Self {
        let (_, shim) = bound(text, upstream, health).await;
        Self::serve(shim)
    }

    /// Starts a shim that agrees with others through the cluster of `connect`.
    pub(crate) async fn start_agreeing<F>(
        text: &str,
        upstream: impl Upstream,
        connect: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Arc<dyn Transport>, TransportError>> + Send + 'static,
    {
        let (config, shim) = bound(text, upstream, Health::new()).await;
        let shim = shim.agreeing_through(&config, connect).await;
        Self::serve(shim.expect("it can take part"))
    }

    fn serve(shim: Shim) -> Self {
        let address = shim.address();
        let admin = shim.admin_address().expect("there is an admin address");
        let live = shim.live();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut serving = JoinSet::new();
        serving.spawn(shim.serve(async {
            let _ = stopped.await;
        }));
        Self {
            address,
            admin,
            live,
            stop: Some(stop),
            serving,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Starts a shim in front of a legacy server.
    pub(crate) async fn start_before(
        text: &str,
        upstream: impl Upstream,
        legacy: SocketAddr,
    ) -> Self {
        let text = format!("legacy = \"http://{legacy}\"\n{text}");
        Self::start(&text, upstream).await
    }

    /// Starts a shim with the routes and settings of `text` on free ports.
    pub(crate) async fn start(text: &str, upstream: impl Upstream) -> Self {
        Self::start_with(text, upstream, Health::new()).await
    }

    /// Sends a request over HTTP/1.1; its URI is the path.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Incoming> {
        self.sending(request).await
    }

    /// A request over HTTP/1.1 that can be sent from another task.
    pub(crate) fn sending(
        &self,
        request: Request<Body>,
    ) -> impl Future<Output = Response<Incoming>> + Send + 'static {
        let sending = self.client.request(towards(self.address, request));
        async { sending.await.expect("an answer") }
    }

    /// Sends a request over HTTP/2, without TLS.
    pub(crate) async fn send_http2(&self, request: Request<Body>) -> Response<Incoming> {
        let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .build_http();
        let request = towards(self.address, request);
        client.request(request).await.expect("an answer")
    }

    /// Asks the admin port.
    pub(crate) async fn probe(&self, path: &str) -> Response<Incoming> {
        let request = towards(self.admin, super::get(path));
        self.client.request(request).await.expect("an answer")
    }

    /// Waits until this is a line of the metrics.
    pub(crate) async fn counted(&self, line: &str) {
        let counting = async {
            let mut turns = tokio::time::interval(Duration::from_millis(10));
            loop {
                turns.tick().await;
                let metrics = text(self.probe("/metrics").await).await;
                if metrics.lines().any(|it| it == line) {
                    return;
                }
            }
        };
        let counted = tokio::time::timeout(Duration::from_secs(60), counting).await;
        assert!(counted.is_ok(), "{line} is not counted");
    }

    /// Sends bytes on a connection of their own and reads until it is closed.
    pub(crate) async fn send_raw(&self, bytes: &[u8]) -> String {
        let mut connection = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        connection.write_all(bytes).await.expect("it is taken");
        let mut answer = Vec::new();
        connection
            .read_to_end(&mut answer)
            .await
            .expect("it is answered");
        String::from_utf8(answer).expect("the answer is text")
    }

    /// Tells the shim to stop, without waiting for it.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until the shim has ended.
    pub(crate) async fn ended(mut self) -> Drained {
        let ended = self.serving.join_next().await;
        ended.expect("it serves").expect("it does not panic")
    }
}

async fn bound(text: &str, upstream: impl Upstream, health: Health) -> (Config, Shim) {
    let config = running_config(text);
    let shim = Shim::bind(&config, Arc::new(upstream), health)
        .await
        .expect("the configuration can be served");
    (config, shim)
}

fn towards(address: SocketAddr, request: Request<Body>) -> Request<Body> {
    let (mut head, body) = request.into_parts();
    let mut uri = head.uri.into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(Authority::try_from(address.to_string()).expect("it is an authority"));
    head.uri = Uri::from_parts(uri).expect("it is complete");
    Request::from_parts(head, body)
}

/// The whole body as text.
pub(crate) async fn text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.expect("a whole body");
    String::from_utf8(body.to_bytes().to_vec()).expect("it is text")
}

/// A running legacy server.
pub(crate) struct Legacy {
    pub(crate) address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Legacy {
    pub(crate) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has an address");
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self {
            address,
            _serving: serving,
        }
    }
}
