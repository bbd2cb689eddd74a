async fn order_events(
    Path(id): Path<OrderId>,
    Query(since): Query<Since>,
) -> Result<Replies<OrderEvent>, (StatusCode, Json<OrderError>)> {
    events(id, since).await
}
/// The contract of [`order_events`](fn@order_events): `GET /orders/{id}/events`.
#[allow(non_camel_case_types, dead_code)]
struct order_events {}
impl ::ipc::__private::Contract for order_events {
    const TERMS: ::ipc::__private::Terms = ::ipc::__private::Terms::new(
            "order_events",
            "GET",
            "/orders/{id}/events",
        )
        .mode(::ipc::__private::Mode::Stream)
        .key(::ipc::__private::KeyRule::Path("id"));
    type Mode = ::ipc::__private::IsStream;
    type Path = ::ipc::__private::PathValues<OrderId>;
    type Query = ::ipc::__private::QueryValues<Since>;
    type Body = ::ipc::__private::NoBody;
    type Reply = ::ipc::__private::JsonBody<OrderEvent>;
    type Error = OrderError;
}
impl order_events {
    /// A request of this contract, to be handed to a client.
    #[allow(dead_code, clippy::too_many_arguments)]
    pub fn request(id: OrderId, since: Since) -> ::ipc::__private::TypedRequest<Self> {
        ::ipc::__private::TypedRequest::new(
            ::ipc::__private::PathValues(id),
            ::ipc::__private::QueryValues(since),
            ::ipc::__private::NoBody,
        )
    }
}
const _: fn(Path<OrderId>, Query<Since>) = |__0, __1| {
    ::ipc::__private::assert_handler(order_events(__0, __1));
};
impl<__State, __Via> ::ipc::__private::Endpoint<__State, __Via> for order_events
where
    __State: ::ipc::__private::Clone + ::ipc::__private::Send + ::ipc::__private::Sync
        + 'static,
    __Via: 'static,
    Path<OrderId>: ::ipc::__private::FromRequestParts<__State>,
    Query<Since>: ::ipc::__private::FromRequest<__State, __Via>,
{
    fn route(
        __method: ::ipc::__private::MethodFilter,
    ) -> ::ipc::__private::MethodRouter<__State> {
        ::ipc::__private::on(__method, order_events)
    }
}
