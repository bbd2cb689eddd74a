#[cfg(unix)]
pub(crate) async fn put_file(request: Request) -> impl IntoResponse {
    request.uri().path().to_owned()
}
/// The contract of [`put_file`](fn@put_file): `PUT /{tenant}/files/{*rest}`.
#[cfg(unix)]
#[allow(non_camel_case_types, dead_code)]
pub(crate) struct PutFile {}
#[cfg(unix)]
impl ::ipc::__private::Contract for PutFile {
    const TERMS: ::ipc::__private::Terms = ::ipc::__private::Terms::new(
            "PutFile",
            "PUT",
            "/{tenant}/files/{*rest}",
        )
        .key(::ipc::__private::KeyRule::None)
        .retry(
            ::ipc::__private::RetrySpec::attempts(5u32)
                .backoff(
                    ::ipc::__private::Duration::from_millis(100u64),
                    ::ipc::__private::Duration::from_millis(10000u64),
                ),
        );
    type Mode = ::ipc::__private::IsCall;
    type Path = ::ipc::__private::PathValues<
        (::ipc::__private::String, ::ipc::__private::String),
    >;
    type Query = ::ipc::__private::NoQuery;
    type Body = ::ipc::__private::NoBody;
    type Reply = ::ipc::__private::RawReply;
    type Error = ::ipc::__private::Problem;
}
#[cfg(unix)]
impl PutFile {
    /// A request of this contract, to be handed to a client.
    #[allow(dead_code, clippy::too_many_arguments)]
    pub fn request(
        tenant: ::ipc::__private::String,
        rest: ::ipc::__private::String,
    ) -> ::ipc::__private::TypedRequest<Self> {
        ::ipc::__private::TypedRequest::new(
            ::ipc::__private::PathValues((tenant, rest)),
            ::ipc::__private::NoQuery,
            ::ipc::__private::NoBody,
        )
    }
}
#[cfg(unix)]
const _: fn(Request) = |__0| {
    ::ipc::__private::assert_handler(put_file(__0));
};
#[cfg(unix)]
impl<__State, __Via> ::ipc::__private::Endpoint<__State, __Via> for PutFile
where
    __State: ::ipc::__private::Clone + ::ipc::__private::Send + ::ipc::__private::Sync
        + 'static,
    __Via: 'static,
    Request: ::ipc::__private::FromRequest<__State, __Via>,
{
    fn route(
        __method: ::ipc::__private::MethodFilter,
    ) -> ::ipc::__private::MethodRouter<__State> {
        ::ipc::__private::on(__method, put_file)
    }
}
