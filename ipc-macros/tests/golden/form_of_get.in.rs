#[endpoint(GET "/orders")]
async fn search(Form(filter): Form<Filter>) -> Json<Vec<Order>> {
    find(filter).await
}
