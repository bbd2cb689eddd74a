use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::Request;
use ipc_core::client::{Client, ServiceClient};
use ipc_core::contract;
use ipc_core::service::{Application, HttpService, Service};
use ipc_core::transport::memory::MemoryCluster;
use tokio::runtime::Runtime;
use tower::service_fn;

use super::{BATCH, WARM_UP, runtime};

contract! {
    /// Answers the bytes it is given.
    POST "/echo" echo(body: Bytes) -> Response;
}

/// A service and its typed client, both on one thread.
pub struct Calls {
    pub(super) runtime: Runtime,
    pub(super) client: ServiceClient,
    _service: Service,
}

impl Calls {
    /// An echo of 16 bytes without axum, codec or route.
    pub fn ready() -> Self {
        let echo = service_fn(async |request: Request<Body>| {
            Ok::<_, Infallible>(Response::new(request.into_body()))
        });
        let scene = Self::serving(HttpService(echo));
        for _ in 0..WARM_UP {
            scene.call();
        }
        scene
    }

    pub(super) fn serving<A: Application>(application: A) -> Self {
        let runtime = runtime();
        let (client, service) = runtime.block_on(async {
            let cluster = MemoryCluster::new(1);
            let service = Service::builder("counted")
                .create_topics(1)
                .transport(Arc::new(cluster.transport()))
                .serve(application)
                .start()
                .await
                .expect("the memory transport refuses nothing");
            service.assigned().await;
            let client = Client::builder("counter")
                .create_topics(1)
                .connect(Arc::new(cluster.transport()))
                .await
                .expect("the memory transport refuses nothing");
            (client.service("counted"), service)
        });
        Self {
            runtime,
            client,
            _service: service,
        }
    }

    /// A batch of calls, one after the other.
    pub fn call(&self) {
        self.runtime.block_on(async {
            for _ in 0..BATCH {
                let body = Bytes::from_static(b"0123456789abcdef");
                let reply = self.client.call(echo::request(body)).await;
                black_box(reply.expect("the service answers"));
            }
        });
    }
}
