/// Place an order.
#[endpoint(POST "/orders/{id}/place", timeout = "5s", idempotency = optional)]
pub async fn place_order(
    State(orders): State<Orders>,
    Path(id): Path<OrderId>,
    Json(command): Json<PlaceOrder>,
) -> Result<Json<Placed>, OrderError> {
    orders.place(id, command).await
}
