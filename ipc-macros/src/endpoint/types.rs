//! What the types of a handler say about requests and replies, read from how
//! they are written: a macro sees no more.

use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// What an argument's type takes out of a request.
pub(crate) enum Takes<'a> {
    /// `Path<T>`
    Path(&'a Type),
    /// `Query<T>`
    Query(&'a Type),
    /// A body with a form a caller can write.
    Body(Body<'a>),
    /// The body, in a form only the handler knows: `Request`, `Multipart`.
    OpaqueBody,
    /// Nothing a caller writes: `State`, headers, what is not known here.
    Nothing,
}

/// A body that a contract describes.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    pub(crate) kind: BodyKind<'a>,
    /// Whether it may be absent: `Option<Json<T>>`.
    pub(crate) optional: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum BodyKind<'a> {
    Json(&'a Type),
    Protobuf(&'a Type),
    Form(&'a Type),
    Text,
    Bytes,
}

impl<'a> Takes<'a> {
    /// Reads an argument's type.
    pub(crate) fn of(ty: &'a Type) -> Self {
        let Some(segment) = last_segment(ty) else {
            return Self::Nothing;
        };
        let body = |kind| {
            Self::Body(Body {
                kind,
                optional: false,
            })
        };
        match (&*segment.ident.to_string(), &*type_args(segment)) {
            ("Path", [inner]) => Self::Path(inner),
            ("Query", [inner]) => Self::Query(inner),
            ("Json", [inner]) => body(BodyKind::Json(inner)),
            ("Protobuf", [inner]) => body(BodyKind::Protobuf(inner)),
            ("Form", [inner]) => body(BodyKind::Form(inner)),
            ("String", []) => body(BodyKind::Text),
            ("Bytes", []) => body(BodyKind::Bytes),
            ("Multipart", []) | ("Request", [] | [_]) | ("Body", []) => Self::OpaqueBody,
            // axum's two ways to look at a rejection
            ("Result", [inner, _]) => Self::of(inner),
            ("Option", [inner]) => match Self::of(inner) {
                Self::Body(body) => Self::Body(Body {
                    optional: true,
                    ..body
                }),
                other => other,
            },
            _ => Self::Nothing,
        }
    }
}

/// What a return type says about the reply.
pub(crate) struct Answers<'a> {
    pub(crate) reply: Reply<'a>,
    pub(crate) error: ErrorBody<'a>,
}

pub(crate) enum Reply<'a> {
    Json(&'a Type),
    Protobuf(&'a Type),
    /// `Replies<T>`: many, each JSON.
    Replies(&'a Type),
    Raw,
}

pub(crate) enum ErrorBody<'a> {
    /// The error type of the `Result`, which makes its own response.
    OfResult(&'a Type),
    /// The type within a `Json` the `Result` fails with.
    Json(&'a Type),
    /// None is declared: the framework's problem documents remain.
    Problem,
}

impl<'a> Answers<'a> {
    /// Reads a return type; `None` is the unit.
    pub(crate) fn of(ty: Option<&'a Type>) -> Self {
        let result = ty.and_then(last_segment).filter(|s| s.ident == "Result");
        match (result.map(type_args).as_deref(), ty) {
            (Some([ok, error]), _) => Self {
                reply: Reply::of(ok),
                error: ErrorBody::of(error),
            },
            (Some([ok]), _) => Self {
                reply: Reply::of(ok),
                error: ErrorBody::Problem,
            },
            (_, Some(ty)) => Self {
                reply: Reply::of(ty),
                error: ErrorBody::Problem,
            },
            (_, None) => Self {
                reply: Reply::Raw,
                error: ErrorBody::Problem,
            },
        }
    }
}

impl<'a> Reply<'a> {
    fn of(ty: &'a Type) -> Self {
        let Some(segment) = last_segment(ty) else {
            return Self::Raw;
        };
        match (&*segment.ident.to_string(), &*type_args(segment)) {
            ("Json", [inner]) if !unnameable(inner) => Self::Json(inner),
            ("Protobuf", [inner]) if !unnameable(inner) => Self::Protobuf(inner),
            ("Replies", [inner]) if !unnameable(inner) => Self::Replies(inner),
            _ => Self::Raw,
        }
    }
}

impl<'a> ErrorBody<'a> {
    fn of(ty: &'a Type) -> Self {
        // a response tuple ends with its body: `(StatusCode, Json<E>)`
        let body = match ungrouped(ty) {
            Type::Tuple(tuple) => match tuple.elems.last() {
                Some(last) => last,
                None => return Self::Problem,
            },
            other => other,
        };
        if unnameable(body) {
            return Self::Problem;
        }
        let segment = last_segment(body);
        match segment.map(|s| (s.ident.to_string(), type_args(s))) {
            Some((name, args)) if name == "Json" && args.len() == 1 => Self::Json(args[0]),
            Some((name, _)) if name == "Protobuf" => Self::Problem,
            _ if std::ptr::eq(body, ungrouped(ty)) => Self::OfResult(body),
            _ => Self::Problem,
        }
    }
}

/// The elements of a tuple type.
pub(crate) fn tuple_elements(ty: &Type) -> Option<Vec<&Type>> {
    match ungrouped(ty) {
        Type::Tuple(tuple) => Some(tuple.elems.iter().collect()),
        _ => None,
    }
}

/// Without the invisible groups a `macro_rules!` puts around a type.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        _ => ty,
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ungrouped(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn type_args(segment: &PathSegment) -> Vec<&Type> {
    match &segment.arguments {
        PathArguments::AngleBracketed(args) => args
            .args
            .iter()
            .filter_map(|arg| match arg {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether the type holds an `impl Trait` or `_`, which cannot be written again
/// elsewhere.
pub(crate) fn unnameable(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::ImplTrait(_) | Type::Infer(_) => true,
        Type::Path(path) => path
            .path
            .segments
            .iter()
            .flat_map(type_args)
            .any(unnameable),
        Type::Tuple(tuple) => tuple.elems.iter().any(unnameable),
        Type::Array(array) => unnameable(&array.elem),
        Type::Reference(reference) => unnameable(&reference.elem),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn takes(ty: &Type) -> &'static str {
        match Takes::of(ty) {
            Takes::Path(_) => "path",
            Takes::Query(_) => "query",
            Takes::Body(Body { optional: true, .. }) => "optional body",
            Takes::Body(_) => "body",
            Takes::OpaqueBody => "opaque body",
            Takes::Nothing => "nothing",
        }
    }

    #[test]
    fn extractors_are_known_by_name_however_they_are_reached() {
        for (ty, expected) in [
            (parse_quote!(Path<u8>), "path"),
            (parse_quote!(::axum::extract::Path<(u8, String)>), "path"),
            (parse_quote!(Option<Path<u8>>), "path"),
            (parse_quote!(Result<Query<Page>, QueryRejection>), "query"),
            (parse_quote!(axum::Json<T>), "body"),
            (parse_quote!(Result<Json<T>, JsonRejection>), "body"),
            (parse_quote!(Option<Json<T>>), "optional body"),
            (parse_quote!(String), "body"),
            (parse_quote!(Multipart), "opaque body"),
            (parse_quote!(http::Request<Body>), "opaque body"),
            (parse_quote!(State<Json<T>>), "nothing"),
            (parse_quote!(HeaderMap), "nothing"),
            (parse_quote!(Extension<Path<u8>>), "nothing"),
        ] {
            assert_eq!(takes(&ty), expected, "{}", quote::quote!(#ty));
        }
    }

    #[test]
    fn error_types_are_found_inside_response_tuples() {
        let of = |ty: Type| match Answers::of(Some(&ty)).error {
            ErrorBody::Json(inner) => format!("json {}", quote::quote!(#inner)),
            ErrorBody::OfResult(inner) => format!("own {}", quote::quote!(#inner)),
            ErrorBody::Problem => "problem".to_owned(),
        };
        assert_eq!(of(parse_quote!(Result<Json<A>, E>)), "own E");
        assert_eq!(of(parse_quote!(Result<Json<A>, Json<E>>)), "json E");
        assert_eq!(of(parse_quote!(Result<A, (StatusCode, Json<E>)>)), "json E");
        assert_eq!(of(parse_quote!(Result<A, (StatusCode, String)>)), "problem");
        assert_eq!(of(parse_quote!(Result<A, impl IntoResponse>)), "problem");
        assert_eq!(of(parse_quote!(axum::response::Result<A>)), "problem");
        assert_eq!(of(parse_quote!(Json<A>)), "problem");
    }
}
