async fn place_order(
    Path(id): Path<OrderId>,
    Json(command): Json<PlaceOrder>,
) -> Result<Json<Placed>, Json<OrderError>> {
    place(id, command).await
}
/// The contract of [`place_order`](fn@place_order).
#[allow(non_camel_case_types, dead_code)]
struct place_order {}
impl crate::ipc::__private::Contract for place_order {
    const TERMS: crate::ipc::__private::Terms = <orders_contract::place_order as crate::ipc::__private::Contract>::TERMS
        .idempotency(crate::ipc::__private::Idempotency::Required)
        .max_reply(65_536)
        .store_down(crate::ipc::__private::StoreDown::FailOpen);
    type Mode = <orders_contract::place_order as crate::ipc::__private::Contract>::Mode;
    type Path = <orders_contract::place_order as crate::ipc::__private::Contract>::Path;
    type Query = <orders_contract::place_order as crate::ipc::__private::Contract>::Query;
    type Body = <orders_contract::place_order as crate::ipc::__private::Contract>::Body;
    type Reply = <orders_contract::place_order as crate::ipc::__private::Contract>::Reply;
    type Error = <orders_contract::place_order as crate::ipc::__private::Contract>::Error;
}
const _: () = {
    crate::ipc::__private::agree::<
        crate::ipc::__private::PathValues<OrderId>,
        <orders_contract::place_order as crate::ipc::__private::Contract>::Path,
    >();
    crate::ipc::__private::agree::<
        crate::ipc::__private::JsonBody<PlaceOrder>,
        <orders_contract::place_order as crate::ipc::__private::Contract>::Body,
    >();
    crate::ipc::__private::agree::<
        crate::ipc::__private::JsonBody<Placed>,
        <orders_contract::place_order as crate::ipc::__private::Contract>::Reply,
    >();
    crate::ipc::__private::agree::<
        OrderError,
        <orders_contract::place_order as crate::ipc::__private::Contract>::Error,
    >();
};
const _: fn(Path<OrderId>, Json<PlaceOrder>) = |__0, __1| {
    crate::ipc::__private::assert_handler(place_order(__0, __1));
};
impl<__State, __Via> crate::ipc::__private::Endpoint<__State, __Via> for place_order
where
    __State: crate::ipc::__private::Clone + crate::ipc::__private::Send
        + crate::ipc::__private::Sync + 'static,
    __Via: 'static,
    Path<OrderId>: crate::ipc::__private::FromRequestParts<__State>,
    Json<PlaceOrder>: crate::ipc::__private::FromRequest<__State, __Via>,
{
    fn route(
        __method: crate::ipc::__private::MethodFilter,
    ) -> crate::ipc::__private::MethodRouter<__State> {
        crate::ipc::__private::on(__method, place_order)
    }
}
