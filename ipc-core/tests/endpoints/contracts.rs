//! Contracts that callers and services share.

use ipc_core::contract::{CallRequest, Contract, Request, StreamRequest, Terms};
use std::time::Duration;

/// As a crate of its own would be.
mod orders_contract {
    use crate::handlers::{OrderError, OrderId, PlaceOrder, Placed};

    ipc_core::contract! {
        /// Place an order.
        pub(crate) POST "/orders/{id}/place", timeout = "5s", service = "orders"
        place_order(id: Path<OrderId>, body: Json<PlaceOrder>) -> Result<Json<Placed>, OrderError>;

        pub(crate) GET "/orders/{id}/lines/{no}"
        line(at: Path<(OrderId, u8)>) -> Json<String>;

        pub(crate) GET "/orders/events", stream
        events(since: Query<Since>) -> Replies<Placed>;
    }

    #[derive(serde::Serialize)]
    pub(crate) struct Since {
        pub(crate) offset: u64,
    }
}

/// As the service has it.
mod service {
    use super::orders_contract;
    use crate::handlers::{OrderError, OrderId, Orders, PlaceOrder, Placed};
    use axum::Json;
    use axum::extract::{Path, State};
    use ipc_core::endpoint;

    #[endpoint(contract = orders_contract::place_order, idempotency = required, retry(attempts = 3))]
    pub(crate) async fn place_order(
        State(orders): State<Orders>,
        Path(id): Path<OrderId>,
        Json(command): Json<PlaceOrder>,
    ) -> Result<Json<Placed>, OrderError> {
        let text = format!("{}{}{}", orders.prefix, id.0, command.item);
        Ok(Json(Placed { text }))
    }
}

#[test]
fn a_shared_contract_makes_the_callers_requests() {
    use crate::handlers::{OrderId, PlaceOrder};

    let command = PlaceOrder { item: "tea".into() };
    let request = orders_contract::place_order::request(OrderId(7), command);
    let sent = request.encode().unwrap();
    assert_eq!(sent.path, "/orders/7/place");
    assert_eq!(orders_contract::place_order::TERMS.service, Some("orders"));

    let sent = orders_contract::line::request(OrderId(7), 2).encode();
    assert_eq!(sent.unwrap().path, "/orders/7/lines/2");

    let since = orders_contract::Since { offset: 3 };
    let sent = orders_contract::events::request(since).encode();
    assert_eq!(sent.unwrap().path, "/orders/events?offset=3");
}

#[test]
fn the_service_keeps_the_contracts_terms_and_adds_its_own() {
    let shared = orders_contract::place_order::TERMS;
    let served = service::place_order::TERMS;
    assert_eq!(served.path, shared.path);
    assert_eq!(served.timeout, Some(Duration::from_secs(5)));
    assert_eq!(shared.retry, None);
    assert_eq!(served.retry.map(|retry| retry.attempts), Some(3));
    assert_ne!(served, shared);
}

#[test]
fn a_request_knows_its_reply() {
    fn call<R: CallRequest>(_: R) -> Terms {
        R::TERMS
    }
    fn stream<R: StreamRequest>(_: R) -> Terms {
        R::TERMS
    }
    let line = orders_contract::line::request(crate::handlers::OrderId(1), 2);
    assert_eq!(call(line).name, "line");
    let since = orders_contract::Since { offset: 3 };
    assert_eq!(
        stream(orders_contract::events::request(since)).name,
        "events"
    );
}
