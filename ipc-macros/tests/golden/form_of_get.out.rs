async fn search(Form(filter): Form<Filter>) -> Json<Vec<Order>> {
    find(filter).await
}
/// The contract of [`search`](fn@search): `GET /orders`.
#[allow(non_camel_case_types, dead_code)]
struct search {}
impl ::ipc::__private::Contract for search {
    const TERMS: ::ipc::__private::Terms = ::ipc::__private::Terms::new(
        "search",
        "GET",
        "/orders",
    );
    type Mode = ::ipc::__private::IsCall;
    type Path = ::ipc::__private::NoPath;
    type Query = ::ipc::__private::QueryValues<Filter>;
    type Body = ::ipc::__private::NoBody;
    type Reply = ::ipc::__private::JsonBody<Vec<Order>>;
    type Error = ::ipc::__private::Problem;
}
impl search {
    /// A request of this contract, to be handed to a client.
    #[allow(dead_code, clippy::too_many_arguments)]
    pub fn request(filter: Filter) -> ::ipc::__private::TypedRequest<Self> {
        ::ipc::__private::TypedRequest::new(
            ::ipc::__private::NoPath,
            ::ipc::__private::QueryValues(filter),
            ::ipc::__private::NoBody,
        )
    }
}
const _: fn(Form<Filter>) = |__0| {
    ::ipc::__private::assert_handler(search(__0));
};
impl<__State, __Via> ::ipc::__private::Endpoint<__State, __Via> for search
where
    __State: ::ipc::__private::Clone + ::ipc::__private::Send + ::ipc::__private::Sync
        + 'static,
    __Via: 'static,
    Form<Filter>: ::ipc::__private::FromRequest<__State, __Via>,
{
    fn route(
        __method: ::ipc::__private::MethodFilter,
    ) -> ::ipc::__private::MethodRouter<__State> {
        ::ipc::__private::on(__method, search)
    }
}
