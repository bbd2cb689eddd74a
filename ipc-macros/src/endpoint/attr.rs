//! The grammar of the attribute: `METHOD "/path"`, then options.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Path, Token};

use super::options::Options;
use super::path::PathTemplate;
use crate::diagnostics::{Diagnostics, list};

/// The methods a record can carry and a router can route.
const METHODS: &[&str] = &[
    "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// What the attribute says.
pub(crate) struct Attr {
    /// `None` where it says none, or one that cannot be read.
    pub(crate) target: Option<Target>,
    pub(crate) options: Options,
}

/// Where method, path and mode come from.
pub(crate) enum Target {
    /// From the attribute.
    Route(Route),
    /// From a contract declared elsewhere.
    Contract(Path),
}

/// `METHOD "/path"`.
pub(crate) struct Route {
    pub(crate) method: Ident,
    pub(crate) path: PathTemplate,
}

impl Attr {
    /// Reads the attribute's arguments.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Diagnostics) -> Self {
        let mut options = Options::default();
        let mut route = None;
        let mut has_route = false;
        let parse = |input: ParseStream<'_>| {
            has_route = Route::starts(input);
            if has_route {
                route = Route::parse(input, errors);
                end_item(input, errors);
            }
            while !input.is_empty() {
                if let Err(error) = options.parse_one(input, errors) {
                    errors.push(error);
                    skip_item(input);
                }
                end_item(input, errors);
            }
            Ok(())
        };
        let read = parse.parse2(tokens);
        errors.ok(read);

        let target = match (route, options.contract.take()) {
            (Some(route), None) => Some(Target::Route(route)),
            (None, Some(contract)) if !has_route => Some(Target::Contract(contract)),
            (_, Some(contract)) => {
                errors.error(
                    contract,
                    "the contract says method and path: leave them out here",
                );
                None
            }
            (None, None) => {
                if !has_route {
                    errors.error_at(
                        Span::call_site(),
                        "an endpoint needs its route or its contract: write #[endpoint(GET \
                         \"/path\")] or #[endpoint(contract = path::to::contract)]",
                    );
                }
                None
            }
        };
        Self { target, options }
    }
}

impl Route {
    /// Whether a route stands here, whole or not.
    fn starts(input: ParseStream<'_>) -> bool {
        input.peek(LitStr)
            || input.peek2(LitStr)
            || input
                .fork()
                .call(Ident::parse_any)
                .is_ok_and(|ident| METHODS.contains(&&*ident.to_string().to_uppercase()))
    }

    /// Reads a route; `None`, with the errors noted, where a part is missing.
    pub(crate) fn parse(input: ParseStream<'_>, errors: &mut Diagnostics) -> Option<Self> {
        if input.peek(LitStr) {
            let path: LitStr = errors.ok(input.parse())?;
            errors.error(
                &path,
                format_args!(
                    "the method is missing: write it before the path, as in GET {:?}",
                    path.value()
                ),
            );
            return None;
        }
        let method = errors.ok(input.call(Ident::parse_any))?;
        let known = check_method(&method, errors);
        if !input.peek(LitStr) {
            errors.error(
                &method,
                format_args!(
                    "the path is missing: write it after the method, as in {method} \"/path\""
                ),
            );
            return None;
        }
        let text = errors.ok(input.parse())?;
        let path = PathTemplate::parse(text, errors);
        known.then_some(Self { method, path })
    }
}

fn check_method(method: &Ident, errors: &mut Diagnostics) -> bool {
    let name = method.to_string();
    if METHODS.contains(&&*name) {
        return true;
    }
    let upper = name.to_uppercase();
    if METHODS.contains(&&*upper) {
        errors.error(method, format_args!("method {name} is written {upper}"));
    } else {
        errors.error(
            method,
            format_args!("unknown method {name}: known are {}", list(METHODS)),
        );
    }
    false
}

/// Reads the comma after an item, and what should not stand before it.
fn end_item(input: ParseStream<'_>, errors: &mut Diagnostics) {
    if !input.is_empty() && !input.peek(Token![,]) {
        errors.push(input.error("expected a comma before this"));
        skip_item(input);
    }
    // absent only at the end
    let _ = input.parse::<Option<Token![,]>>();
}

/// Passes over the rest of an item that cannot be read.
fn skip_item(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // any token tree parses where there is one
        let _ = input.parse::<TokenTree>();
    }
}
