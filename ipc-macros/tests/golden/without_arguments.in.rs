#[endpoint(GET "/ping", safe, service = "orders")]
async fn ping() {}
