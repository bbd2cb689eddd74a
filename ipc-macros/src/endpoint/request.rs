//! The function `request(..)`: from plain values to a typed request.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::signature::{Describes, Part, ident_of, path_values};
use super::types::{Body, BodyKind, tuple_elements};

/// The parts of a request as generated code names and makes them.
pub(crate) struct RequestParts {
    pub(crate) path: Generated,
    pub(crate) query: Generated,
    pub(crate) body: Generated,
    parameters: Vec<(Ident, TokenStream)>,
}

/// A type, and the expression that makes its value.
pub(crate) struct Generated {
    pub(crate) ty: TokenStream,
    value: TokenStream,
}

impl RequestParts {
    /// What the arguments describe, for a path with these parameters. `p` is the
    /// path of the module generated code uses.
    pub(crate) fn new(p: &TokenStream, params: &[String], describes: &Describes<'_>) -> Self {
        let mut parameters = Parameters::default();
        let path = path(p, params, describes, &mut parameters);
        let query = match &describes.query {
            None => unit(quote!(#p::NoQuery)),
            Some(part) => {
                let ty = part.value;
                let name = parameters.add(part.names.first(), "query", quote!(#ty));
                wrapped(quote!(#p::QueryValues), &quote!(#ty), &quote!(#name))
            }
        };
        let body = match &describes.body {
            None => unit(quote!(#p::NoBody)),
            Some(part) => body(p, part, &mut parameters),
        };
        Self {
            path,
            query,
            body,
            parameters: parameters.0,
        }
    }

    /// The function itself.
    pub(crate) fn function(&self, p: &TokenStream) -> TokenStream {
        let names = self.parameters.iter().map(|(name, _)| name);
        let types = self.parameters.iter().map(|(_, ty)| ty);
        let [path, query, body] = [&self.path, &self.query, &self.body].map(|part| &part.value);
        quote! {
            /// A request of this contract, to be handed to a client.
            #[allow(dead_code, clippy::too_many_arguments)]
            pub fn request(#(#names: #types),*) -> #p::TypedRequest<Self> {
                #p::TypedRequest::new(#path, #query, #body)
            }
        }
    }
}

/// The function's parameters: each name once.
#[derive(Default)]
struct Parameters(Vec<(Ident, TokenStream)>);

impl Parameters {
    fn add(&mut self, name: Option<&Ident>, otherwise: &str, ty: TokenStream) -> Ident {
        let free = |name: &Ident| self.0.iter().all(|(taken, _)| taken != name);
        let name = name
            .cloned()
            .filter(free)
            .or_else(|| ident_of(otherwise, Span::call_site()).filter(free))
            .unwrap_or_else(|| format_ident!("value_{}", self.0.len()));
        self.0.push((name.clone(), ty));
        name
    }
}

fn path(
    p: &TokenStream,
    params: &[String],
    describes: &Describes<'_>,
    parameters: &mut Parameters,
) -> Generated {
    let Some(part) = &describes.path else {
        if params.is_empty() {
            return unit(quote!(#p::NoPath));
        }
        // the handler does not look at them, a caller must still fill them
        let names: Vec<Ident> = params
            .iter()
            .map(|param| parameters.add(None, param, quote!(#p::String)))
            .collect();
        let strings = names.iter().map(|_| quote!(#p::String));
        return wrapped(
            quote!(#p::PathValues),
            &quote!((#(#strings,)*)),
            &quote!((#(#names,)*)),
        );
    };
    let ty = part.value;
    let values = path_values(ty);
    let names: Vec<Ident> = values
        .iter()
        .enumerate()
        .map(|(at, ty)| {
            let given = Some(&part.names)
                .filter(|names| names.len() == values.len())
                .map(|names| &names[at]);
            let of_template = params.get(at).map_or("path", |param| &**param);
            let whole = values.len() == 1 && params.len() > 1;
            parameters.add(given, if whole { "path" } else { of_template }, quote!(#ty))
        })
        .collect();
    let value = match tuple_elements(ty) {
        Some(_) => quote!((#(#names,)*)),
        None => quote!(#(#names)*),
    };
    wrapped(quote!(#p::PathValues), &quote!(#ty), &value)
}

fn body(p: &TokenStream, part: &Part<'_, Body<'_>>, parameters: &mut Parameters) -> Generated {
    let Body { kind, optional } = part.value;
    let (wrapper, inner) = match kind {
        BodyKind::Json(ty) => (quote!(#p::JsonBody), quote!(#ty)),
        BodyKind::Protobuf(ty) => (quote!(#p::ProtobufBody), quote!(#ty)),
        BodyKind::Form(ty) => (quote!(#p::FormBody), quote!(#ty)),
        BodyKind::Text => (quote!(#p::TextBody), quote!(#p::String)),
        BodyKind::Bytes => (quote!(#p::BytesBody), quote!(#p::Bytes)),
    };
    let generic = matches!(
        kind,
        BodyKind::Json(_) | BodyKind::Protobuf(_) | BodyKind::Form(_)
    );
    let ty = if generic {
        quote!(#wrapper<#inner>)
    } else {
        wrapper.clone()
    };
    let name = part.names.first();
    if optional {
        let name = parameters.add(name, "body", quote!(#p::Option<#inner>));
        Generated {
            ty: quote!(#p::OptionalBody<#ty>),
            value: quote!(#p::OptionalBody(#name.map(#wrapper))),
        }
    } else {
        let name = parameters.add(name, "body", inner);
        Generated {
            ty,
            value: quote!(#wrapper(#name)),
        }
    }
}

fn unit(name: TokenStream) -> Generated {
    Generated {
        ty: name.clone(),
        value: name,
    }
}

fn wrapped(wrapper: TokenStream, ty: &TokenStream, value: &TokenStream) -> Generated {
    Generated {
        ty: quote!(#wrapper<#ty>),
        value: quote!(#wrapper(#value)),
    }
}
