// Every error of one endpoint is told, and nothing that follows from them: the
// function stays callable and the list of endpoints compiles.

use axum::extract::Path;
use axum::Json;
use ipc::prelude::{endpoint, endpoints, App};

#[endpoint(get "orders/{id", timeout = "soon", unknown, key = none, retry(attempts = 0))]
async fn order(_: Json<u8>, _: Path<u8>) {}

fn main() {
    let _ = order(Json(1), Path(2));
    let app = App::<()>::new().endpoints(endpoints![order]);
    let _ = app.unwrap().into_router();
}
