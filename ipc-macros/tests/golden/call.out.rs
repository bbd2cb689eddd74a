/// Place an order.
pub async fn place_order(
    State(orders): State<Orders>,
    Path(id): Path<OrderId>,
    Json(command): Json<PlaceOrder>,
) -> Result<Json<Placed>, OrderError> {
    orders.place(id, command).await
}
/// The contract of [`place_order`](fn@place_order): `POST /orders/{id}/place`.
#[allow(non_camel_case_types, dead_code)]
pub struct place_order {}
impl ::ipc::__private::Contract for place_order {
    const TERMS: ::ipc::__private::Terms = ::ipc::__private::Terms::new(
            "place_order",
            "POST",
            "/orders/{id}/place",
        )
        .timeout(::ipc::__private::Duration::from_millis(5000u64))
        .idempotency(::ipc::__private::Idempotency::Optional);
    type Mode = ::ipc::__private::IsCall;
    type Path = ::ipc::__private::PathValues<OrderId>;
    type Query = ::ipc::__private::NoQuery;
    type Body = ::ipc::__private::JsonBody<PlaceOrder>;
    type Reply = ::ipc::__private::JsonBody<Placed>;
    type Error = OrderError;
}
impl place_order {
    /// A request of this contract, to be handed to a client.
    #[allow(dead_code, clippy::too_many_arguments)]
    pub fn request(
        id: OrderId,
        command: PlaceOrder,
    ) -> ::ipc::__private::TypedRequest<Self> {
        ::ipc::__private::TypedRequest::new(
            ::ipc::__private::PathValues(id),
            ::ipc::__private::NoQuery,
            ::ipc::__private::JsonBody(command),
        )
    }
}
const _: fn(State<Orders>, Path<OrderId>, Json<PlaceOrder>) = |__0, __1, __2| {
    ::ipc::__private::assert_handler(place_order(__0, __1, __2));
};
impl<__State, __Via> ::ipc::__private::Endpoint<__State, __Via> for place_order
where
    __State: ::ipc::__private::Clone + ::ipc::__private::Send + ::ipc::__private::Sync
        + 'static,
    __Via: 'static,
    State<Orders>: ::ipc::__private::FromRequestParts<__State>,
    Path<OrderId>: ::ipc::__private::FromRequestParts<__State>,
    Json<PlaceOrder>: ::ipc::__private::FromRequest<__State, __Via>,
{
    fn route(
        __method: ::ipc::__private::MethodFilter,
    ) -> ::ipc::__private::MethodRouter<__State> {
        ::ipc::__private::on(__method, place_order)
    }
}
