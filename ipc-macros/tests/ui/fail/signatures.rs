use axum::extract::{Path, Request};
use axum::Json;
use ipc::endpoint;
use ipc::response::Replies;

#[endpoint(GET "/a")]
fn not_async() {}

#[endpoint(GET "/a")]
async fn generic<T>() {}

#[endpoint(GET "/a")]
async fn nameless(_: impl Send) {}

#[endpoint(POST "/a")]
async fn body_first(_: Json<u8>, _: axum::http::HeaderMap) {}

#[endpoint(POST "/a")]
async fn two_bodies(_: Json<u8>, _: Request) {}

#[endpoint(GET "/a/{id}")]
async fn two_paths(_: Path<u8>, _: Path<u8>) {}

#[endpoint(GET "/a")]
async fn no_parameter(_: Path<u8>) {}

#[endpoint(GET "/a/{id}/{no}")]
async fn too_few(_: Path<(u8,)>) {}

#[endpoint(GET "/a")]
async fn many() -> Replies<u8> {
    unreachable!()
}

#[endpoint(GET "/a")]
struct NoFunction;

fn main() {}
