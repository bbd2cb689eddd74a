#[endpoint(
    POST "/orders/{id}/audit",
    one_way,
    delivery = at_most_once,
    key = header("x-tenant"),
    topic = "audit.events",
)]
async fn audit(State(a): State<Audit>, Protobuf(event): Protobuf<AuditEvent>) -> Result<(), AuditError> {
    a.record(event).await
}
