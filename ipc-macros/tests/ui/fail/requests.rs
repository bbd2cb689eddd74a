// What the call asks for, and only the call.

use axum::Json;
use ipc::contract::{CallRequest, OneWayRequest, StreamRequest};
use ipc::endpoint;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct OnlyRead {}

#[derive(Serialize)]
struct OnlyWritten {}

#[endpoint(POST "/one-sided")]
async fn one_sided(_: Json<OnlyRead>) -> Json<OnlyWritten> {
    Json(OnlyWritten {})
}

#[endpoint(GET "/unreadable")]
async fn unreadable() -> Json<OnlyWritten> {
    Json(OnlyWritten {})
}

#[endpoint(POST "/audit", one_way)]
async fn audit() {}

fn call(_: impl CallRequest) {}
fn send(_: impl OneWayRequest) {}
fn stream(_: impl StreamRequest) {}

fn main() {
    call(one_sided::request(OnlyRead {}));
    call(unreadable::request());
    call(audit::request());
    send(unreadable::request());
    stream(audit::request());
}
