//! `contract!`: contracts without handlers, for a crate that callers and
//! services share.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, PatType, ReturnType, Token, Visibility, parenthesized, parse_quote};

use crate::diagnostics::Diagnostics;
use crate::endpoint::attr::Route;
use crate::endpoint::expand::Declaration;
use crate::endpoint::options::Options;
use crate::endpoint::signature::Describes;
use crate::endpoint::types::{Answers, Takes};
use crate::endpoint::{cfgs, checks};
use crate::ipc_core;

/// One declaration: `[pub(..)] METHOD "/path", options name(arguments) -> Reply;`
struct Item {
    attrs: Vec<Attribute>,
    vis: Visibility,
    route: Option<Route>,
    options: Options,
    name: Ident,
    arguments: Punctuated<PatType, Token![,]>,
    output: ReturnType,
}

/// The macro's expansion.
pub(crate) fn contract(input: TokenStream) -> TokenStream {
    let mut errors = Diagnostics::default();
    let mut generated = TokenStream::new();
    let parse = |input: ParseStream<'_>| {
        while !input.is_empty() {
            match Item::parse(input, &mut errors) {
                Ok(item) => generated.extend(item.expand(&mut errors)),
                Err(error) => {
                    errors.push(error);
                    skip_declaration(input);
                }
            }
        }
        Ok(())
    };
    let read = parse.parse2(input);
    errors.ok(read);
    let errors = errors.into_compile_errors();
    quote!(#generated #errors)
}

impl Item {
    fn parse(input: ParseStream<'_>, errors: &mut Diagnostics) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = match input.parse()? {
            // shared is what a contract is for
            Visibility::Inherited => parse_quote!(pub),
            given => given,
        };
        let route = Route::parse(input, errors);
        let mut options = Options::default();
        while input.parse::<Option<Token![,]>>()?.is_some() {
            options.parse_one(input, errors)?;
        }
        let name = input.parse()?;
        let inside;
        parenthesized!(inside in input);
        let arguments = inside.call(|inside| {
            Punctuated::parse_terminated_with(inside, |inside| {
                let argument: syn::FnArg = inside.parse()?;
                match argument {
                    syn::FnArg::Typed(typed) => Ok(typed),
                    syn::FnArg::Receiver(receiver) => Err(syn::Error::new_spanned(
                        receiver,
                        "a contract has no self: it describes a request",
                    )),
                }
            })
        })?;
        let output = input.parse()?;
        input.parse::<Token![;]>()?;
        Ok(Self {
            attrs,
            vis,
            route,
            options,
            name,
            arguments,
            output,
        })
    }

    fn expand(&self, errors: &mut Diagnostics) -> TokenStream {
        let options = &self.options;
        for name in options.given(&["contract", "contract_name"]) {
            errors.error(
                name,
                format_args!(
                    "{name} belongs to #[endpoint]: write the contract's name after the options"
                ),
            );
        }
        let mut describes = Describes::default();
        for argument in &self.arguments {
            if matches!(Takes::of(&argument.ty), Takes::Nothing | Takes::OpaqueBody) {
                errors.error(
                    &argument.ty,
                    "a contract describes a request with Path, Query, Json, Protobuf, Form, \
                     String and Bytes: leave out what only a handler needs",
                );
            }
            describes.add(argument, errors);
        }
        let returns = match &self.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(&**ty),
        };
        let answers = Answers::of(returns);
        checks::options(options, errors);
        checks::replies(options, &answers, returns, errors);
        let Some(route) = &self.route else {
            return TokenStream::new();
        };
        let describes = describes.of_method(&route.method);
        checks::route(route, options, &describes, errors);

        let p = ipc_core::private(options.krate.as_ref());
        let docs = self.docs(route);
        let declaration = Declaration {
            p: &p,
            vis: &self.vis,
            name: &self.name,
            cfgs: cfgs(&self.attrs),
            docs,
        };
        let carrier = declaration.carrier();
        let contract = declaration.contract(route, options, &describes, &answers);
        quote!(#carrier #contract)
    }

    /// What the author wrote, else the route.
    fn docs(&self, route: &Route) -> TokenStream {
        let written: Vec<&Attribute> = self
            .attrs
            .iter()
            .filter(|attr| attr.path().is_ident("doc"))
            .collect();
        if written.is_empty() {
            let text = format!(" `{} {}`", route.method, route.path.text.value());
            quote!(#[doc = #text])
        } else {
            quote!(#(#written)*)
        }
    }
}

/// Passes over the rest of a declaration that cannot be read.
fn skip_declaration(input: ParseStream<'_>) {
    while !input.is_empty() {
        let end = input.peek(Token![;]);
        // any token tree parses where there is one
        let _ = input.parse::<TokenTree>();
        if end {
            break;
        }
    }
}
