// What a handler must be, told where the handler stands.

use std::rc::Rc;

use axum::extract::State;
use ipc::prelude::{endpoint, endpoints, App};

#[derive(Clone)]
struct Wanted;

#[endpoint(GET "/not-send")]
async fn not_send() {
    let rc = Rc::new(1);
    std::future::ready(()).await;
    drop(rc);
}

struct NoResponse;

#[endpoint(GET "/no-response")]
async fn no_response() -> NoResponse {
    NoResponse
}

#[endpoint(GET "/state")]
async fn state(_: State<Wanted>) {}

struct Plain;

fn main() {
    let _ = App::<()>::new().endpoints(endpoints![state]);
    let _ = App::<()>::new().endpoints(endpoints![Plain]);
}
