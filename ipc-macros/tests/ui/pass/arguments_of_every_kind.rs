// Existing handlers keep their signatures.

use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, Form, Multipart, OriginalUri, Path, Query, RawQuery, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use ipc::prelude::{endpoint, endpoints, App, Json, Protobuf, Replies};
use serde::{Deserialize, Serialize};

#[derive(Clone)]
struct Orders;

#[derive(Deserialize)]
struct OnlyRead {
    _n: u8,
}

#[derive(Serialize)]
struct OnlyWritten {
    n: u8,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Event {
    #[prost(string, tag = "1")]
    name: String,
}

// neither side of serde
struct Failure;

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        StatusCode::CONFLICT.into_response()
    }
}

#[endpoint(POST "/one-sided/{id}")]
async fn one_sided(
    Path(_): Path<OnlyRead>,
    Query(_): Query<OnlyRead>,
    Json(_): Json<OnlyRead>,
) -> Result<Json<OnlyWritten>, Failure> {
    Ok(Json(OnlyWritten { n: 1 }))
}

#[endpoint(POST "/upload/{id}")]
async fn upload(State(_): State<Orders>, Path(_id): Path<u32>, _body: Multipart) -> StatusCode {
    StatusCode::CREATED
}

#[endpoint(PUT "/raw/{*rest}")]
async fn raw(_: Method, _: OriginalUri, _: RawQuery, request: Request) -> impl IntoResponse {
    request.into_body()
}

#[endpoint(PATCH "/body")]
async fn body(Extension(_): Extension<Orders>, _headers: HeaderMap, body: Body) -> Response {
    body.into_response()
}

#[endpoint(POST "/event", one_way)]
async fn event(Protobuf(event): Protobuf<Event>) -> Protobuf<Event> {
    Protobuf(event)
}

#[endpoint(POST "/form")]
async fn form(Form(form): Form<HashMap<String, String>>) -> String {
    form.len().to_string()
}

#[endpoint(POST "/rejection")]
async fn rejection(body: Result<Json<u8>, JsonRejection>) -> axum::response::Result<Json<u8>> {
    Ok(body?)
}

#[endpoint(POST "/bytes/{a}/{type}/{self}")]
async fn bytes(Path((_, _, _)): Path<(u8, String, char)>, bytes: Bytes) -> Bytes {
    bytes
}

#[endpoint(GET "/by-name/{id}/{no}", stream)]
async fn by_name(Path(by_name): Path<HashMap<String, u32>>) -> Replies<OnlyWritten> {
    let written = by_name.into_values().map(|_| OnlyWritten { n: 1 });
    Replies::new(futures_util::stream::iter(written.collect::<Vec<_>>()))
}

fn main() {
    let app: App = App::new()
        .endpoints(endpoints![
            one_sided, upload, raw, body, event, form, rejection, bytes, by_name
        ])
        .unwrap()
        .with_state(Orders);
    let _ = app.into_router();
    let _ = upload::request(7);
    let _ = raw::request("a/b".to_owned());
    let _ = bytes::request(1, "x".to_owned(), 'c', Bytes::new());
    let _ = one_sided::request(OnlyRead { _n: 1 }, OnlyRead { _n: 2 }, OnlyRead { _n: 3 });
}
