async fn audit(
    State(a): State<Audit>,
    Protobuf(event): Protobuf<AuditEvent>,
) -> Result<(), AuditError> {
    a.record(event).await
}
/// The contract of [`audit`](fn@audit): `POST /orders/{id}/audit`.
#[allow(non_camel_case_types, dead_code)]
struct audit {}
impl ::ipc::__private::Contract for audit {
    const TERMS: ::ipc::__private::Terms = ::ipc::__private::Terms::new(
            "audit",
            "POST",
            "/orders/{id}/audit",
        )
        .mode(::ipc::__private::Mode::OneWay)
        .key(::ipc::__private::KeyRule::Header("x-tenant"))
        .topic("audit.events")
        .guarantee(::ipc::__private::Guarantee::AtMostOnce);
    type Mode = ::ipc::__private::IsOneWay;
    type Path = ::ipc::__private::PathValues<(::ipc::__private::String,)>;
    type Query = ::ipc::__private::NoQuery;
    type Body = ::ipc::__private::ProtobufBody<AuditEvent>;
    type Reply = ::ipc::__private::RawReply;
    type Error = AuditError;
}
impl audit {
    /// A request of this contract, to be handed to a client.
    #[allow(dead_code, clippy::too_many_arguments)]
    pub fn request(
        id: ::ipc::__private::String,
        event: AuditEvent,
    ) -> ::ipc::__private::TypedRequest<Self> {
        ::ipc::__private::TypedRequest::new(
            ::ipc::__private::PathValues((id,)),
            ::ipc::__private::NoQuery,
            ::ipc::__private::ProtobufBody(event),
        )
    }
}
const _: fn(State<Audit>, Protobuf<AuditEvent>) = |__0, __1| {
    ::ipc::__private::assert_handler(audit(__0, __1));
};
impl<__State, __Via> ::ipc::__private::Endpoint<__State, __Via> for audit
where
    __State: ::ipc::__private::Clone + ::ipc::__private::Send + ::ipc::__private::Sync
        + 'static,
    __Via: 'static,
    State<Audit>: ::ipc::__private::FromRequestParts<__State>,
    Protobuf<AuditEvent>: ::ipc::__private::FromRequest<__State, __Via>,
{
    fn route(
        __method: ::ipc::__private::MethodFilter,
    ) -> ::ipc::__private::MethodRouter<__State> {
        ::ipc::__private::on(__method, audit)
    }
}
