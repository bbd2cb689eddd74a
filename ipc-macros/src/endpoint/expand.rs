//! What is generated beside a handler, or for a contract without one.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Path, Type, Visibility};

use super::attr::Route;
use super::options::{Delivery, Idempotency, Key, Mode, Options, StoreDown};
use super::request::RequestParts;
use super::retry::{self, Retry};
use super::signature::{Describes, Handler};
use super::types::{Answers, ErrorBody, Reply};

/// A contract about to be written.
pub(crate) struct Declaration<'a> {
    /// The path of the module generated code uses.
    pub(crate) p: &'a TokenStream,
    pub(crate) vis: &'a Visibility,
    /// The name of the type that carries it.
    pub(crate) name: &'a Ident,
    /// Attributes every generated item repeats: `#[cfg(..)]`.
    pub(crate) cfgs: Vec<&'a Attribute>,
    /// Its documentation.
    pub(crate) docs: TokenStream,
}

impl Declaration<'_> {
    /// The type in the type namespace alone: a function of the same name stays
    /// callable.
    pub(crate) fn carrier(&self) -> TokenStream {
        let Self {
            vis,
            name,
            cfgs,
            docs,
            ..
        } = self;
        quote! {
            #docs
            #(#cfgs)*
            #[allow(non_camel_case_types, dead_code)]
            #vis struct #name {}
        }
    }

    /// The contract and its requests.
    pub(crate) fn contract(
        &self,
        route: &Route,
        options: &Options,
        describes: &Describes<'_>,
        answers: &Answers<'_>,
    ) -> TokenStream {
        let Self { p, name, cfgs, .. } = self;
        let terms = self.terms(route, options);
        let mode = mode_marker(p, options.mode);
        let parts = RequestParts::new(p, &route.path.params, describes);
        let [path, query, body] = [&parts.path, &parts.query, &parts.body].map(|part| &part.ty);
        let reply = reply(p, &answers.reply);
        let error = error(p, &answers.error);
        let request = parts.function(p);
        quote! {
            #(#cfgs)*
            impl #p::Contract for #name {
                const TERMS: #p::Terms = #terms;
                type Mode = #mode;
                type Path = #path;
                type Query = #query;
                type Body = #body;
                type Reply = #reply;
                type Error = #error;
            }

            #(#cfgs)*
            impl #name {
                #request
            }
        }
    }

    fn terms(&self, route: &Route, options: &Options) -> TokenStream {
        let p = self.p;
        let name = self.name.to_string();
        let method = route.method.to_string();
        let path = &route.path.text;
        let mut terms = quote!(#p::Terms::new(#name, #method, #path));
        match options.mode {
            Mode::Call => {}
            Mode::OneWay => terms.extend(quote!(.mode(#p::Mode::OneWay))),
            Mode::Stream => terms.extend(quote!(.mode(#p::Mode::Stream))),
        }
        if options.safe {
            terms.extend(quote!(.safe()));
        }
        if let Some(millis) = options.timeout {
            terms.extend(quote!(.timeout(#p::Duration::from_millis(#millis))));
        }
        match &options.key {
            None => {}
            Some(Key::None) => terms.extend(quote!(.key(#p::KeyRule::None))),
            Some(Key::Header(name)) => terms.extend(quote!(.key(#p::KeyRule::Header(#name)))),
            Some(Key::Param(param)) => {
                let param = param.to_string();
                terms.extend(quote!(.key(#p::KeyRule::Path(#param))));
            }
        }
        if let Some(topic) = &options.topic {
            terms.extend(quote!(.topic(#topic)));
        }
        if let Some(service) = &options.service {
            terms.extend(quote!(.service(#service)));
        }
        terms.extend(service_terms(p, options));
        terms
    }

    /// The handler of a contract declared elsewhere: the same terms, and the
    /// service's own promises.
    pub(crate) fn implements(
        &self,
        contract: &Path,
        options: &Options,
        handler: &Handler<'_>,
    ) -> TokenStream {
        let Self { p, name, cfgs, .. } = self;
        let service_terms = service_terms(p, options);
        let agreements = agreements(p, contract, handler);
        quote! {
            #(#cfgs)*
            impl #p::Contract for #name {
                const TERMS: #p::Terms = <#contract as #p::Contract>::TERMS #service_terms;
                type Mode = <#contract as #p::Contract>::Mode;
                type Path = <#contract as #p::Contract>::Path;
                type Query = <#contract as #p::Contract>::Query;
                type Body = <#contract as #p::Contract>::Body;
                type Reply = <#contract as #p::Contract>::Reply;
                type Error = <#contract as #p::Contract>::Error;
            }

            #(#cfgs)*
            const _: () = {
                #agreements
            };
        }
    }

    /// The way from contract to handler.
    pub(crate) fn endpoint(&self, handler: &Handler<'_>) -> TokenStream {
        let Self { p, name, cfgs, .. } = self;
        let function = &handler.item.sig.ident;
        let arguments = &handler.arguments;
        let (generics, via, bounds) = match arguments.split_last() {
            None => (quote!(__State), quote!(()), quote!()),
            Some((last, others)) => (
                quote!(__State, __Via),
                quote!(__Via),
                quote! {
                    __Via: 'static,
                    #(#others: #p::FromRequestParts<__State>,)*
                    #last: #p::FromRequest<__State, __Via>,
                },
            ),
        };
        let values: Vec<Ident> = (0..arguments.len())
            .map(|at| quote::format_ident!("__{at}"))
            .collect();
        let served = quote_spanned! {function.span()=>
            #p::assert_handler(#function(#(#values),*));
        };
        quote! {
            #(#cfgs)*
            const _: fn(#(#arguments),*) = |#(#values),*| {
                #served
            };

            #(#cfgs)*
            impl<#generics> #p::Endpoint<__State, #via> for #name
            where
                __State: #p::Clone + #p::Send + #p::Sync + 'static,
                #bounds
            {
                fn route(__method: #p::MethodFilter) -> #p::MethodRouter<__State> {
                    #p::on(__method, #function)
                }
            }
        }
    }

    /// Enough for the places that name the endpoint to compile, where it has
    /// errors of its own.
    pub(crate) fn stand_in(&self) -> TokenStream {
        let Self { p, name, cfgs, .. } = self;
        let text = name.to_string();
        quote! {
            #(#cfgs)*
            impl #p::Contract for #name {
                const TERMS: #p::Terms = #p::Terms::new(#text, "GET", "/");
                type Mode = #p::IsCall;
                type Path = #p::NoPath;
                type Query = #p::NoQuery;
                type Body = #p::NoBody;
                type Reply = #p::RawReply;
                type Error = #p::Problem;
            }

            #(#cfgs)*
            impl<__State> #p::Endpoint<__State, ()> for #name
            where
                __State: #p::Clone + #p::Send + #p::Sync + 'static,
            {
                fn route(_: #p::MethodFilter) -> #p::MethodRouter<__State> {
                    #p::MethodRouter::new()
                }
            }
        }
    }
}

/// The terms that are the service's alone.
fn service_terms(p: &TokenStream, options: &Options) -> TokenStream {
    let mut terms = TokenStream::new();
    match options.idempotency {
        None => {}
        Some(Idempotency::Optional) => {
            terms.extend(quote!(.idempotency(#p::Idempotency::Optional)));
        }
        Some(Idempotency::Required) => {
            terms.extend(quote!(.idempotency(#p::Idempotency::Required)));
        }
        Some(Idempotency::Derived) => {
            terms.extend(quote!(.idempotency(#p::Idempotency::Derived)));
        }
    }
    if let Some(bytes) = &options.max_reply {
        terms.extend(quote!(.max_reply(#bytes)));
    }
    match options.store_down {
        None => {}
        Some(StoreDown::FailClosed) => {
            terms.extend(quote!(.store_down(#p::StoreDown::FailClosed)));
        }
        Some(StoreDown::FailOpen) => terms.extend(quote!(.store_down(#p::StoreDown::FailOpen))),
    }
    match options.delivery {
        None => {}
        Some(Delivery::AtMostOnce) => {
            terms.extend(quote!(.guarantee(#p::Guarantee::AtMostOnce)));
        }
        Some(Delivery::ExactlyOnce) => {
            terms.extend(quote!(.guarantee(#p::Guarantee::ExactlyOnce)));
        }
    }
    if let Some(retry) = &options.retry {
        let retry = spec(p, retry);
        terms.extend(quote!(.retry(#retry)));
    }
    terms
}

fn spec(p: &TokenStream, retry: &Retry) -> TokenStream {
    let attempts = retry.attempts;
    let backoff = retry.backoff.map(|(first, longest)| {
        quote! {
            .backoff(
                #p::Duration::from_millis(#first),
                #p::Duration::from_millis(#longest),
            )
        }
    });
    let jitter = retry.jitter.map(|_| quote!(.jitter()));
    let policy = match retry.policy {
        retry::Policy::Blocking => None,
        retry::Policy::Tiers => Some(quote!(.policy(#p::RetryPolicy::Tiers))),
        retry::Policy::KeyParked => Some(quote!(.policy(#p::RetryPolicy::KeyParked))),
    };
    quote!(#p::RetrySpec::attempts(#attempts) #backoff #jitter #policy)
}

fn mode_marker(p: &TokenStream, mode: Mode) -> TokenStream {
    match mode {
        Mode::Call => quote!(#p::IsCall),
        Mode::OneWay => quote!(#p::IsOneWay),
        Mode::Stream => quote!(#p::IsStream),
    }
}

fn reply(p: &TokenStream, reply: &Reply<'_>) -> TokenStream {
    match reply {
        Reply::Json(ty) | Reply::Replies(ty) => quote!(#p::JsonBody<#ty>),
        Reply::Protobuf(ty) => quote!(#p::ProtobufBody<#ty>),
        Reply::Raw => quote!(#p::RawReply),
    }
}

fn error(p: &TokenStream, error: &ErrorBody<'_>) -> TokenStream {
    match error {
        ErrorBody::Json(ty) | ErrorBody::OfResult(ty) => quote!(#ty),
        ErrorBody::Problem => quote!(#p::Problem),
    }
}

/// The same tokens, so that errors about them point at `span`.
fn pointing_at(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = &token {
                let inner = pointing_at(group.stream(), span);
                token = Group::new(group.delimiter(), inner).into();
            }
            token.set_span(span.resolved_at(token.span()));
            token
        })
        .collect()
}

/// One assertion for each part of a contract the handler's signature shows. What
/// it does not show (a raw request, an `impl IntoResponse`) is the handler's own
/// business.
fn agreements(p: &TokenStream, contract: &Path, handler: &Handler<'_>) -> TokenStream {
    let mut all = TokenStream::new();
    let mut agree = |at: &Type, part: &str, ours: TokenStream| {
        let part = Ident::new(part, at.span());
        let assertion = quote!(#p::agree::<#ours, <#contract as #p::Contract>::#part>(););
        all.extend(pointing_at(assertion, at.span()));
    };
    let parts = RequestParts::new(p, &[], &handler.describes);
    if let Some(path) = &handler.describes.path {
        agree(path.at, "Path", parts.path.ty);
    }
    if let Some(query) = &handler.describes.query {
        agree(query.at, "Query", parts.query.ty);
    }
    if let Some(body) = &handler.describes.body {
        agree(body.at, "Body", parts.body.ty);
    }
    if let Some(returns) = handler.returns {
        if !matches!(handler.answers.reply, Reply::Raw) {
            agree(returns, "Reply", reply(p, &handler.answers.reply));
        }
        if matches!(handler.answers.reply, Reply::Replies(_)) {
            agree(returns, "Mode", quote!(#p::IsStream));
        }
        if let ErrorBody::Json(ty) = &handler.answers.error {
            agree(returns, "Error", quote!(#ty));
        }
    }
    all
}
