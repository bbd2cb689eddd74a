#[endpoint(GET "orders", timeout = "soon")]
async fn orders() -> Json<Vec<Order>> {
    all().await
}
