// One handler per file, of the file's name.

mod place {
    #[ipc::endpoint(POST "/orders", contract_name = PlaceOrder)]
    pub async fn place() {}
}

use place::{place, PlaceOrder};

fn main() {
    let _ = place();
    let _ = PlaceOrder::request();
    let _ = ipc::routing::App::<()>::new()
        .endpoints(ipc::endpoints![PlaceOrder])
        .unwrap()
        .into_router();
}
