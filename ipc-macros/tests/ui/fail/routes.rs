use ipc::endpoint;

#[endpoint]
async fn nothing() {}

#[endpoint(safe)]
async fn no_route() {}

#[endpoint("/a")]
async fn no_method() {}

#[endpoint(GET)]
async fn no_path() {}

#[endpoint(get "/a")]
async fn lower_case() {}

#[endpoint(FETCH "/a")]
async fn unknown_method() {}

#[endpoint(CONNECT "/a")]
async fn not_carried() {}

#[endpoint(GET "a")]
async fn no_slash() {}

#[endpoint(GET "/:id")]
async fn old_way() {}

#[endpoint(GET "/{id")]
async fn unmatched() {}

#[endpoint(GET "/{}")]
async fn nameless() {}

#[endpoint(GET "/{id}.json")]
async fn suffix() {}

#[endpoint(GET "/{*rest}/more")]
async fn rest_in_the_middle() {}

#[endpoint(GET "/{id}/{id}")]
async fn repeated() {}

#[endpoint(GET "/a?b=c")]
async fn with_query() {}

#[endpoint(GET "/a", contract = some::contract)]
async fn route_and_contract() {}

fn main() {}
