#[endpoint(GET "/orders/{id}/events", stream, key = id)]
async fn order_events(
    Path(id): Path<OrderId>,
    Query(since): Query<Since>,
) -> Result<Replies<OrderEvent>, (StatusCode, Json<OrderError>)> {
    events(id, since).await
}
