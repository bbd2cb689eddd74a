async fn orders() -> Json<Vec<Order>> {
    all().await
}
/// The contract of [`orders`](fn@orders): `GET orders`.
#[allow(non_camel_case_types, dead_code)]
struct orders {}
impl ::ipc::__private::Contract for orders {
    const TERMS: ::ipc::__private::Terms = ::ipc::__private::Terms::new(
        "orders",
        "GET",
        "/",
    );
    type Mode = ::ipc::__private::IsCall;
    type Path = ::ipc::__private::NoPath;
    type Query = ::ipc::__private::NoQuery;
    type Body = ::ipc::__private::NoBody;
    type Reply = ::ipc::__private::RawReply;
    type Error = ::ipc::__private::Problem;
}
impl<__State> ::ipc::__private::Endpoint<__State, ()> for orders
where
    __State: ::ipc::__private::Clone + ::ipc::__private::Send + ::ipc::__private::Sync
        + 'static,
{
    fn route(
        _: ::ipc::__private::MethodFilter,
    ) -> ::ipc::__private::MethodRouter<__State> {
        ::ipc::__private::MethodRouter::new()
    }
}
::core::compile_error! {
    "path \"orders\" must start with a slash: write \"/orders\""
}
::core::compile_error! {
    "\"soon\" is not a duration: write a whole number above 0 with its unit (ms, s, m or h), such as \"5s\""
}
