// A handler whose types are not its contract's.

use axum::extract::{Path, Query};
use axum::Json;
use ipc::prelude::{contract, endpoint, Replies};

contract! {
    POST "/orders/{id}", timeout = "5s" place(id: Path<u64>, body: Json<String>) -> Json<u8>;
    GET "/orders" list() -> Json<Vec<u8>>;
}

mod service {
    use super::*;

    #[endpoint(contract = super::place)]
    pub async fn place(_: Path<String>, _: Json<u16>) -> Json<u64> {
        Json(1)
    }

    #[endpoint(contract = super::list)]
    pub async fn list(_: Query<u8>) -> Replies<Vec<u8>> {
        unreachable!()
    }

    #[endpoint(contract = super::place, timeout = "1s", one_way)]
    pub async fn again() {}
}

fn main() {}
