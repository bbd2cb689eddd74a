use ipc::endpoint;

#[endpoint(GET "/a", timeot = "5s")]
async fn unknown() {}

#[endpoint(GET "/a", timeout = "5 parsecs")]
async fn no_duration() {}

#[endpoint(GET "/a", timeout = 5)]
async fn no_text() {}

#[endpoint(GET "/a", timeout)]
async fn no_value() {}

#[endpoint(GET "/a", safe, safe)]
async fn twice() {}

#[endpoint(POST "/a", one_way, stream)]
async fn two_modes() {}

#[endpoint(POST "/a", idempotency = maybe)]
async fn unknown_idempotency() {}

#[endpoint(POST "/a", idempotency = optional, max_reply = "1 MiB")]
async fn no_number() {}

#[endpoint(POST "/a", idempotency = optional, max_reply = 5_000_000_000)]
async fn too_large_a_number() {}

#[endpoint(POST "/a", max_reply = 0)]
async fn nothing_to_keep() {}

#[endpoint(POST "/a", delivery = never)]
async fn unknown_delivery() {}

#[endpoint(POST "/a", retry(times = 5))]
async fn unknown_in_retry() {}

#[endpoint(POST "/a", retry(backoff = "10s..1s"))]
async fn nothing_to_retry() {}

#[endpoint(POST "/a", retry(attempts = 0, backoff = "1s"))]
async fn never_tried() {}

#[endpoint(POST "/a", one_way, key = none, retry(attempts = 2, policy = key_parked))]
async fn parked_without_a_key() {}

#[endpoint(POST "/a", one_way, delivery = exactly_once, retry(attempts = 2, policy = key_parked))]
async fn parked_outside_of_a_transaction() {}

#[endpoint(POST "/a", retry(attempts = 2, policy = forever))]
async fn unknown_policy() {}

#[endpoint(POST "/a", retry(attempts = 2, jitter, policy = tiers))]
async fn drawn_and_fixed() {}

#[endpoint(POST "/a", delivery = at_most_once, retry(attempts = 2))]
async fn contradiction() {}

#[endpoint(POST "/a", stream, retry(attempts = 2))]
async fn retried_stream() {}

#[endpoint(POST "/a/{id}/{no}", key = order)]
async fn unknown_key() {}

#[endpoint(POST "/a", key = header("X-Tenant"))]
async fn upper_case_header() {}

#[endpoint(POST "/a", topic = "orders requests", service = "")]
async fn bad_names() {}

#[endpoint(POST "/a" safe)]
async fn no_comma() {}

#[endpoint(POST "/a", idempotency = derived, store_down = panic)]
async fn unknown_store_down() {}

#[endpoint(POST "/a", store_down = fail_open)]
async fn nothing_stored() {}

fn main() {}
