//! `#[endpoint]`: parse, check, expand; the function itself is left as it is.

pub(crate) mod attr;
pub(crate) mod checks;
mod duration;
pub(crate) mod expand;
pub(crate) mod options;
mod path;
mod request;
mod retry;
pub(crate) mod signature;
pub(crate) mod types;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Item, ItemFn};

use attr::{Attr, Target};
use expand::Declaration;
use signature::Handler;

use crate::diagnostics::Diagnostics;
use crate::ipc_core;

/// The attribute's expansion.
pub(crate) fn endpoint(attr: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Diagnostics::default();
    let attr = Attr::parse(attr, &mut errors);
    let generated = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => generate(&attr, &function, &mut errors),
        Err(error) => {
            match syn::parse2::<Item>(item.clone()) {
                Ok(_) => errors.error(&item, "an endpoint is an async function: put this on one"),
                Err(_) => errors.push(error),
            }
            TokenStream::new()
        }
    };
    let errors = errors.into_compile_errors();
    quote!(#item #generated #errors)
}

fn generate(attr: &Attr, function: &ItemFn, errors: &mut Diagnostics) -> TokenStream {
    let options = &attr.options;
    let mut handler = Handler::read(function, errors);
    if let (Some(handler), Some(Target::Route(route))) = (&mut handler, &attr.target) {
        handler.describes = std::mem::take(&mut handler.describes).of_method(&route.method);
    }
    if let Some(handler) = &handler {
        check(attr, handler, errors);
    }

    let p = ipc_core::private(options.krate.as_ref());
    let name = options
        .contract_name
        .as_ref()
        .unwrap_or(&function.sig.ident);
    let declaration = Declaration {
        p: &p,
        vis: &function.vis,
        name,
        cfgs: cfgs(&function.attrs),
        docs: docs(attr, function),
    };
    let carrier = declaration.carrier();
    let body = match (&attr.target, handler) {
        (Some(target), Some(handler)) if errors.is_empty() => {
            let contract = match target {
                Target::Route(route) => {
                    declaration.contract(route, options, &handler.describes, &handler.answers)
                }
                Target::Contract(path) => declaration.implements(path, options, &handler),
            };
            let endpoint = declaration.endpoint(&handler);
            quote!(#contract #endpoint)
        }
        _ => declaration.stand_in(),
    };
    quote!(#carrier #body)
}

fn check(attr: &Attr, handler: &Handler<'_>, errors: &mut Diagnostics) {
    checks::options(&attr.options, errors);
    match &attr.target {
        Some(Target::Route(route)) => {
            checks::route(route, &attr.options, &handler.describes, errors);
            checks::replies(&attr.options, &handler.answers, handler.returns, errors);
        }
        Some(Target::Contract(_)) => checks::with_contract(&attr.options, errors),
        None => {}
    }
}

/// The attributes that decide whether an item is there at all.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<&Attribute> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
        .collect()
}

fn docs(attr: &Attr, function: &ItemFn) -> TokenStream {
    let function = &function.sig.ident;
    let text = match &attr.target {
        Some(Target::Route(route)) => format!(
            " The contract of [`{function}`](fn@{function}): `{} {}`.",
            route.method,
            route.path.text.value()
        ),
        _ => format!(" The contract of [`{function}`](fn@{function})."),
    };
    quote!(#[doc = #text])
}
