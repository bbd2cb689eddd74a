//! The record key of a request.

use bytes::Bytes;
use http::{HeaderMap, Method};
use ipc_core::envelope::names::IDEMPOTENCY_KEY;
use matchit::Params;
use percent_encoding::percent_decode_str;

use crate::config::KeyRule;

/// The key that decides a request's partition and order: the same bytes a typed
/// client makes of the same request.
pub(super) fn record_key(
    rule: &KeyRule,
    method: &Method,
    params: &Params<'_, '_>,
    headers: &HeaderMap,
) -> Option<Bytes> {
    match rule {
        KeyRule::Default if is_keyless(method) => None,
        KeyRule::Default => only_value(params)
            .map(decoded)
            .or_else(|| header(headers, IDEMPOTENCY_KEY)),
        KeyRule::Path(name) => params.get(name).map(decoded),
        KeyRule::Header(name) => header(headers, name.as_str()),
        KeyRule::None => None,
    }
}

/// Methods whose requests have no order to keep.
fn is_keyless(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// The value of a path's single parameter.
pub(super) fn only_value<'p>(params: &Params<'_, 'p>) -> Option<&'p str> {
    let mut values = params.iter().map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none())
}

/// A path parameter as a key.
pub(super) fn decoded(value: &str) -> Bytes {
    percent_decode_str(value).collect()
}

fn header(headers: &HeaderMap, name: &str) -> Option<Bytes> {
    headers
        .get(name)
        .filter(|value| !value.is_empty())
        .map(|value| Bytes::copy_from_slice(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use matchit::Router;

    use super::*;

    fn key(rule: &KeyRule, method: &Method, template: &str, path: &str) -> Option<Bytes> {
        let mut router = Router::new();
        router.insert(template, ()).expect("the template is valid");
        let matched = router.at(path).expect("the path matches");
        let headers = HeaderMap::from_iter(
            [
                (HeaderName::from_static("idempotency-key"), "op-1"),
                (HeaderName::from_static("x-tenant"), "acme"),
            ]
            .map(|(name, value)| (name, value.parse().expect("the value is valid"))),
        );
        record_key(rule, method, &matched.params, &headers)
    }

    #[test]
    fn by_default_the_single_parameter_decides_percent_decoded() {
        let found = key(&KeyRule::Default, &Method::POST, "/o/{id}", "/o/a%2Fb%FF");

        assert_eq!(found.as_deref(), Some(&b"a/b\xff"[..]));
    }

    #[test]
    fn by_default_several_parameters_leave_it_to_the_idempotency_key() {
        let found = key(&KeyRule::Default, &Method::POST, "/o/{id}/{n}", "/o/1/2");

        assert_eq!(found.as_deref(), Some(&b"op-1"[..]));
    }

    #[test]
    fn by_default_a_safe_method_has_no_key() {
        assert_eq!(
            key(&KeyRule::Default, &Method::GET, "/o/{id}", "/o/1"),
            None
        );
    }

    #[test]
    fn a_rule_holds_for_safe_methods_too() {
        let path = KeyRule::Path("n".to_owned());
        let header = KeyRule::Header(HeaderName::from_static("x-tenant"));

        let of_path = key(&path, &Method::GET, "/o/{id}/{n}", "/o/1/2");
        let of_header = key(&header, &Method::GET, "/o/{id}", "/o/1");

        assert_eq!(of_path.as_deref(), Some(&b"2"[..]));
        assert_eq!(of_header.as_deref(), Some(&b"acme"[..]));
        assert_eq!(key(&KeyRule::None, &Method::POST, "/o/{id}", "/o/1"), None);
    }
}
