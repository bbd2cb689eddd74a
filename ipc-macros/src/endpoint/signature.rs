//! What a function's signature says about its endpoint.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{FnArg, ItemFn, Pat, PatType, ReturnType, Safety, Signature, Type};

use super::types::{Answers, Body, BodyKind, Takes, tuple_elements, unnameable};
use crate::diagnostics::Diagnostics;

/// A handler, as its contract needs it.
pub(crate) struct Handler<'a> {
    pub(crate) item: &'a ItemFn,
    /// Every argument's type, in order.
    pub(crate) arguments: Vec<&'a Type>,
    pub(crate) describes: Describes<'a>,
    pub(crate) returns: Option<&'a Type>,
    pub(crate) answers: Answers<'a>,
}

/// What the arguments say a request is made of.
#[derive(Default)]
pub(crate) struct Describes<'a> {
    pub(crate) path: Option<Part<'a, &'a Type>>,
    pub(crate) query: Option<Part<'a, &'a Type>>,
    pub(crate) body: Option<Part<'a, Body<'a>>>,
}

/// One part of a request.
pub(crate) struct Part<'a, T> {
    /// The argument's whole type, for errors.
    pub(crate) at: &'a Type,
    /// What the argument's pattern calls it, in order: `Path((a, b))` has two.
    pub(crate) names: Vec<Ident>,
    pub(crate) value: T,
}

impl<'a> Handler<'a> {
    /// Reads a function and notes what keeps it from being an endpoint. `None`
    /// where nothing can be generated for it.
    pub(crate) fn read(item: &'a ItemFn, errors: &mut Diagnostics) -> Option<Self> {
        let fits = check_shape(&item.sig, errors);
        let mut arguments = Vec::new();
        let mut describes = Describes::default();
        let mut body_at = None;
        for input in &item.sig.inputs {
            let FnArg::Typed(argument) = input else {
                continue;
            };
            let reads_body = describes.add(argument, errors);
            match body_at {
                Some(_) if reads_body => errors.error(
                    &argument.ty,
                    "a second extractor of the body: read it with one",
                ),
                Some(body) => errors.error(
                    body,
                    "this reads the body and must be the last argument: move it to the end",
                ),
                None => {}
            }
            body_at = reads_body.then_some(&*argument.ty);
            arguments.push(&*argument.ty);
        }
        let returns = match &item.sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(&**ty),
        };
        fits.then(|| Self {
            item,
            arguments,
            describes,
            returns,
            answers: Answers::of(returns),
        })
    }
}

impl<'a> Describes<'a> {
    /// What the arguments describe where this is the method: a `Form` reads the
    /// query of a request that has no body.
    pub(crate) fn of_method(mut self, method: &Ident) -> Self {
        let bodiless = method == "GET" || method == "HEAD";
        match self.body.take() {
            Some(Part {
                at,
                names,
                value:
                    Body {
                        kind: BodyKind::Form(value),
                        ..
                    },
            }) if bodiless && self.query.is_none() => {
                self.query = Some(Part { at, names, value });
            }
            body => self.body = body,
        }
        self
    }

    /// Adds what one argument says; answers whether it reads the body.
    pub(crate) fn add(&mut self, argument: &'a PatType, errors: &mut Diagnostics) -> bool {
        let at = &*argument.ty;
        let names = names(&argument.pat);
        match Takes::of(at) {
            Takes::Path(value) => {
                let part = Part { at, names, value };
                put(&mut self.path, part, "path", errors);
                false
            }
            Takes::Query(value) => {
                let part = Part { at, names, value };
                put(&mut self.query, part, "query", errors);
                false
            }
            Takes::Body(value) => {
                self.body.get_or_insert(Part { at, names, value });
                true
            }
            Takes::OpaqueBody => true,
            Takes::Nothing => false,
        }
    }
}

fn put<'a, T>(
    slot: &mut Option<Part<'a, T>>,
    part: Part<'a, T>,
    what: &str,
    errors: &mut Diagnostics,
) {
    if slot.is_some() {
        errors.error(
            part.at,
            format_args!("a second extractor of the {what}: take all of it with one"),
        );
        return;
    }
    *slot = Some(part);
}

fn check_shape(sig: &Signature, errors: &mut Diagnostics) -> bool {
    let mut fits = true;
    let mut refuse = |at: &dyn quote::ToTokens, message: &str| {
        errors.error(at, message);
        fits = false;
    };
    if sig.asyncness.is_none() {
        refuse(
            &sig.fn_token,
            "an endpoint is an async function: write async fn",
        );
    }
    if let Some(constness) = &sig.constness {
        refuse(constness, "an endpoint cannot be const: leave it out");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        refuse(token, "an endpoint cannot be unsafe: leave it out");
    }
    if let Some(abi) = &sig.abi {
        refuse(abi, "an endpoint has no ABI of its own: leave it out");
    }
    if !sig.generics.params.is_empty() {
        refuse(
            &sig.generics,
            "an endpoint cannot be generic: one route has one set of types",
        );
    }
    if let Some(receiver) = sig.receiver() {
        refuse(
            receiver,
            "an endpoint has no self: take what it needs with State",
        );
    }
    for input in &sig.inputs {
        if let FnArg::Typed(typed) = input
            && unnameable(&typed.ty)
        {
            refuse(
                &typed.ty,
                "an endpoint's arguments need types with names: impl Trait and _ have none",
            );
        }
    }
    fits
}

/// The names a pattern binds, where they can name arguments: `id`, `Path(id)`,
/// `Path((a, b))`.
fn names(pat: &Pat) -> Vec<Ident> {
    match pat {
        Pat::Ident(ident) => {
            let name = ident.ident.unraw().to_string();
            match name.trim_start_matches('_') {
                "" => Vec::new(),
                bare => ident_of(bare, ident.ident.span()).into_iter().collect(),
            }
        }
        Pat::TupleStruct(tuple) => tuple.elems.iter().flat_map(names).collect(),
        Pat::Tuple(tuple) => tuple.elems.iter().flat_map(names).collect(),
        Pat::Paren(paren) => names(&paren.pat),
        _ => Vec::new(),
    }
}

/// `text` as an identifier, raw where it is a keyword.
pub(crate) fn ident_of(text: &str, span: Span) -> Option<Ident> {
    let parsed: Ident = syn::parse_str(text)
        .or_else(|_| syn::parse_str(&format!("r#{text}")))
        .ok()?;
    let mut ident = parsed;
    ident.set_span(span);
    Some(ident)
}

/// The values a `Path<..>` takes, one after the other: a tuple's elements, else
/// the type itself.
pub(crate) fn path_values(ty: &Type) -> Vec<&Type> {
    tuple_elements(ty).unwrap_or_else(|| vec![ty])
}
