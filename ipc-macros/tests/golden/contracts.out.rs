/// Place an order.
#[allow(non_camel_case_types, dead_code)]
pub struct place_order {}
impl ::ipc::__private::Contract for place_order {
    const TERMS: ::ipc::__private::Terms = ::ipc::__private::Terms::new(
            "place_order",
            "POST",
            "/orders/{id}/place",
        )
        .timeout(::ipc::__private::Duration::from_millis(5000u64));
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
        body: PlaceOrder,
    ) -> ::ipc::__private::TypedRequest<Self> {
        ::ipc::__private::TypedRequest::new(
            ::ipc::__private::PathValues(id),
            ::ipc::__private::NoQuery,
            ::ipc::__private::JsonBody(body),
        )
    }
}
/// `POST /orders/{id}/lines/{no}`
#[cfg(unix)]
#[allow(non_camel_case_types, dead_code)]
pub(crate) struct add_line {}
#[cfg(unix)]
impl ::ipc::__private::Contract for add_line {
    const TERMS: ::ipc::__private::Terms = ::ipc::__private::Terms::new(
            "add_line",
            "POST",
            "/orders/{id}/lines/{no}",
        )
        .mode(::ipc::__private::Mode::OneWay);
    type Mode = ::ipc::__private::IsOneWay;
    type Path = ::ipc::__private::PathValues<(OrderId, u32)>;
    type Query = ::ipc::__private::NoQuery;
    type Body = ::ipc::__private::OptionalBody<::ipc::__private::FormBody<Note>>;
    type Reply = ::ipc::__private::RawReply;
    type Error = ::ipc::__private::Problem;
}
#[cfg(unix)]
impl add_line {
    /// A request of this contract, to be handed to a client.
    #[allow(dead_code, clippy::too_many_arguments)]
    pub fn request(
        id: OrderId,
        no: u32,
        note: ::ipc::__private::Option<Note>,
    ) -> ::ipc::__private::TypedRequest<Self> {
        ::ipc::__private::TypedRequest::new(
            ::ipc::__private::PathValues((id, no)),
            ::ipc::__private::NoQuery,
            ::ipc::__private::OptionalBody(note.map(::ipc::__private::FormBody)),
        )
    }
}
