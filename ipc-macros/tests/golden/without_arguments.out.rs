async fn ping() {}
/// The contract of [`ping`](fn@ping): `GET /ping`.
#[allow(non_camel_case_types, dead_code)]
struct ping {}
impl ::ipc::__private::Contract for ping {
    const TERMS: ::ipc::__private::Terms = ::ipc::__private::Terms::new(
            "ping",
            "GET",
            "/ping",
        )
        .safe()
        .service("orders");
    type Mode = ::ipc::__private::IsCall;
    type Path = ::ipc::__private::NoPath;
    type Query = ::ipc::__private::NoQuery;
    type Body = ::ipc::__private::NoBody;
    type Reply = ::ipc::__private::RawReply;
    type Error = ::ipc::__private::Problem;
}
impl ping {
    /// A request of this contract, to be handed to a client.
    #[allow(dead_code, clippy::too_many_arguments)]
    pub fn request() -> ::ipc::__private::TypedRequest<Self> {
        ::ipc::__private::TypedRequest::new(
            ::ipc::__private::NoPath,
            ::ipc::__private::NoQuery,
            ::ipc::__private::NoBody,
        )
    }
}
const _: fn() = || {
    ::ipc::__private::assert_handler(ping());
};
impl<__State> ::ipc::__private::Endpoint<__State, ()> for ping
where
    __State: ::ipc::__private::Clone + ::ipc::__private::Send + ::ipc::__private::Sync
        + 'static,
{
    fn route(
        __method: ::ipc::__private::MethodFilter,
    ) -> ::ipc::__private::MethodRouter<__State> {
        ::ipc::__private::on(__method, ping)
    }
}
