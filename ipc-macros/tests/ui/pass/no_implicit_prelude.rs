// Nothing generated leans on the prelude, nor on names the file might have.
#![no_implicit_prelude]

struct Option;
struct Result;
struct String;
struct Send;

mod handlers {
    #[::ipc::endpoint(GET "/orders/{id}", timeout = "5s", key = id)]
    pub async fn order(
        ::axum::extract::Path(id): ::axum::extract::Path<u64>,
    ) -> ::axum::Json<u64> {
        ::axum::Json(id)
    }

    #[::ipc::endpoint(POST "/{a}/{b}", one_way, retry(attempts = 2, backoff = "1s..1m", jitter, policy = blocking))]
    pub async fn both(_: ::core::option::Option<::axum::Json<u8>>) {}

    #[::ipc::endpoint(POST "/later", one_way, retry(attempts = 3, policy = tiers))]
    pub async fn later() {}
}

mod contracts {
    ::ipc::contract! {
        GET "/orders/{id}" order(id: Path<u64>) -> Json<u64>;
        POST "/tags" tag(tag: String);
    }
}

#[::ipc::endpoint(contract = contracts::order)]
async fn order(::axum::extract::Path(id): ::axum::extract::Path<u64>) -> ::axum::Json<u64> {
    ::axum::Json(id)
}

fn main() {
    let app: ::ipc::routing::App = ::ipc::routing::App::new()
        .endpoints(::ipc::endpoints![order, handlers::both])
        .unwrap();
    let _ = app.into_router();
    let _ = handlers::order::request(7);
    let _ = contracts::order::request(7);
}
