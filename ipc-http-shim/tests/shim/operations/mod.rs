//! Requests that are answered later.

mod accepted;
mod late;
mod prefer;
mod told;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::post as on_post;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming;
use ipc_core::client::Client;
use ipc_core::envelope::UnixMillis;
use ipc_core::metrics::Metrics;
use ipc_core::service::Service;
use ipc_core::transport::Transport;
use ipc_core::transport::memory::MemoryCluster;
use ipc_http_shim::upstream::KafkaUpstream;
use tokio::sync::Semaphore;
use tokio::time::interval;

use crate::support::{Running, get, within};

const ROUTE: &str = "reply_partitions = 1\n\
    [[routes]]\npath = \"/orders/{id}\"\nservice = \"orders\"\nmode = \"accepted\"\n";

/// A way to a cluster.
type Connect = Arc<dyn Fn() -> BoxFuture<'static, Arc<dyn Transport>> + Send + Sync>;

/// A service that answers as it is allowed to, and gateways before it.
struct System {
    connect: Connect,
    service: Service,
    allowed: Arc<Semaphore>,
}

impl System {
    async fn in_memory() -> Self {
        // Ids say by the clock of this host when they were made.
        let cluster = MemoryCluster::starting_at(1, UnixMillis::now());
        Self::on(Arc::new(move || {
            let transport: Arc<dyn Transport> = Arc::new(cluster.transport());
            async { transport }.boxed()
        }))
        .await
    }

    async fn on(connect: Connect) -> Self {
        let allowed = Arc::new(Semaphore::new(0));
        let permits = Arc::clone(&allowed);
        let place = async move |Path(id): Path<String>, body: String| {
            let permit = permits.acquire().await.expect("it is never closed");
            permit.forget();
            let told = [("x-order", id), ("server", "orders".to_owned())];
            (StatusCode::CREATED, told, format!("placed {body}"))
        };
        let service = Service::builder("orders")
            .create_topics(1)
            .transport(connect().await)
            .serve(Router::new().route("/orders/{id}", on_post(place)))
            .start()
            .await
            .expect("it serves");
        Self {
            connect,
            service,
            allowed,
        }
    }

    /// Another gateway of the same fleet.
    async fn gateway(&self, config: &str) -> Running {
        let client = Client::builder("shim").create_topics(1);
        let client = client.connect((self.connect)().await).await;
        let client = client.expect("it hears itself");
        let upstream = KafkaUpstream::from_client(client, Metrics::new());
        let connect = Arc::clone(&self.connect);
        Running::start_agreeing(config, upstream, move || connect().map(Ok)).await
    }

    fn allow(&self, requests: usize) {
        self.allowed.add_permits(requests);
    }
}

fn location(response: &Response<Incoming>) -> String {
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()["retry-after"], "1");
    let location = response.headers()["location"].to_str();
    location.expect("it is text").to_owned()
}

/// What becomes of a request in the end.
async fn settled(gateway: &Running, path: &str) -> Response<Incoming> {
    settled_with(gateway, path, &HeaderMap::new()).await
}

async fn settled_with(gateway: &Running, path: &str, headers: &HeaderMap) -> Response<Incoming> {
    within(async {
        let mut turns = interval(Duration::from_millis(20));
        loop {
            turns.tick().await;
            let mut request = get(path);
            request.headers_mut().clone_from(headers);
            let response = gateway.send(request).await;
            if response.status() != StatusCode::ACCEPTED {
                return response;
            }
        }
    })
    .await
}
