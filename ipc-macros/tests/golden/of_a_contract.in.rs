#[endpoint(contract = orders_contract::place_order, idempotency = required, max_reply = 65_536, store_down = fail_open, crate = crate::ipc)]
async fn place_order(
    Path(id): Path<OrderId>,
    Json(command): Json<PlaceOrder>,
) -> Result<Json<Placed>, Json<OrderError>> {
    place(id, command).await
}
