use std::hint::black_box;

use axum::Router;
use axum::body::{Body, Bytes};
use http::Request;
use http_body_util::BodyExt as _;
use ipc_core::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use super::call::Calls;
use super::{BATCH, WARM_UP, runtime};

#[derive(Serialize, Deserialize)]
struct Order {
    item: String,
    count: u32,
}

impl Order {
    fn new() -> Self {
        Self {
            item: "tea".to_owned(),
            count: 2,
        }
    }
}

#[endpoint(POST "/orders")]
async fn order(Json(order): Json<Order>) -> Json<Order> {
    Json(order)
}

fn app() -> App {
    let app = App::new().endpoints(endpoints![order]);
    app.expect("one endpoint has nothing to clash with")
}

/// Typed JSON calls to an endpoint behind an axum Router.
pub struct JsonCalls(Calls);

impl JsonCalls {
    /// A service and its client.
    pub fn ready() -> Self {
        let scene = Self(Calls::serving(app()));
        for _ in 0..WARM_UP {
            scene.call();
        }
        scene
    }

    /// A batch of calls, one after the other.
    pub fn call(&self) {
        self.0.runtime.block_on(async {
            for _ in 0..BATCH {
                let reply = self.0.client.call(order::request(Order::new())).await;
                black_box(reply.expect("the service answers").count);
            }
        });
    }
}

/// The caller's own share of JSON: a value written and a value read.
pub struct JsonCodec;

impl JsonCodec {
    /// As often as there are calls in a batch.
    pub fn write_and_read(&self) {
        for _ in 0..BATCH {
            let body = serde_json::to_vec(black_box(&Order::new()));
            let body = black_box(body.expect("an order is JSON"));
            let order: Order = serde_json::from_slice(&body).expect("it was written here");
            black_box(order.count);
        }
    }
}

/// The Router's share: the same requests by `oneshot`, without any message.
pub struct RouterOneshot {
    runtime: Runtime,
    router: Router,
}

impl RouterOneshot {
    /// The Router behind [`JsonCalls`].
    pub fn ready() -> Self {
        let scene = Self {
            runtime: runtime(),
            router: app().into_router(),
        };
        scene.call();
        scene
    }

    /// A batch of requests, one after the other.
    pub fn call(&self) {
        self.runtime.block_on(async {
            for _ in 0..BATCH {
                let request = Request::post("/orders")
                    .header("content-type", "application/json")
                    .body(Body::from(Bytes::from_static(
                        br#"{"item":"tea","count":2}"#,
                    )))
                    .expect("the request is valid");
                let response = self.router.clone().oneshot(request).await;
                let Ok(response) = response;
                let body = response.into_body().collect().await;
                black_box(body.expect("the body is whole").to_bytes());
            }
        });
    }
}
