#[endpoint(PUT "/{tenant}/files/{*rest}", contract_name = PutFile, key = none, retry(attempts = 5, backoff = "100ms..10s"))]
#[cfg(unix)]
pub(crate) async fn put_file(request: Request) -> impl IntoResponse {
    request.uri().path().to_owned()
}
