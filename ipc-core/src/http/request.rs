//! A delivered record as an HTTP request.

use ::http::header::{self, HeaderMap};
use ::http::uri::{self, PathAndQuery};
use ::http::{HeaderValue, Method, Request, Uri};
use axum::body::Body;
use bytes::Bytes;
use bytestring::ByteString;

use super::headers::Open;
use crate::dispatch::Delivery;
use crate::envelope::{Problem, names};
use crate::extract::Facts;

/// The longest request target HTTP's own types can hold, in bytes.
const MAX_PATH: usize = u16::MAX as usize - 1;

/// Gives a record that names neither method nor path those of a service's
/// default route, so that it can reach an HTTP handler. Other records stay as
/// they are.
pub fn set_default_route(delivery: &mut Delivery, method: &Method, path: &PathAndQuery) {
    if delivery.head.method.is_some() || delivery.head.path.is_some() {
        return;
    }
    let head = &mut delivery.record_mut().head;
    head.method = Some(ByteString::from(method.as_str()));
    head.path = Some(ByteString::from(path.as_str()));
}

/// The request a record carries. The whole record comes along for extractors.
///
/// # Errors
///
/// A problem to answer with, where the record is no HTTP request or asks for
/// what cannot cross a log.
pub(super) fn from_delivery(delivery: &Delivery) -> Result<Request<Body>, Problem> {
    let head = &delivery.head;
    let (Some(method), Some(path)) = (&head.method, &head.path) else {
        return Err(not_http());
    };
    let record = &delivery.envelope.headers;
    let body = delivery.envelope.payload.clone().unwrap_or_default();

    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| malformed(400, "header :method is not an HTTP method".to_owned()))?;
    let open = Open::of(record);
    refuse_uncrossable(&method, open.values("upgrade"))?;
    let uri = target(path)?;
    let mut headers = open
        .to_http()
        .map_err(|error| malformed(431, error.to_string()))?;
    check_content_length(&headers, &body)?;
    if !headers.contains_key(header::HOST) {
        let authority = record.get(names::AUTHORITY);
        if let Some(Ok(host)) = authority.cloned().map(HeaderValue::from_maybe_shared) {
            headers.insert(header::HOST, host);
        }
    }

    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    #[cfg(feature = "connect-info")]
    if let Some(peer) = crate::extract::peer(record) {
        request.extensions_mut().insert(peer);
    }
    request
        .extensions_mut()
        .insert(Facts::new(delivery.clone()));
    Ok(request)
}

/// The request target, byte for byte. Only a path, or `*`: `//x` is a path here
/// and never an authority.
fn target(path: &ByteString) -> Result<Uri, Problem> {
    if path.len() > MAX_PATH {
        let detail = format!(
            "header :path has {} bytes, more than {MAX_PATH}",
            path.len()
        );
        return Err(malformed(414, detail));
    }
    let is_target = path.starts_with('/') || *path == "*";
    let parsed = PathAndQuery::from_maybe_shared(path.as_bytes().clone());
    match parsed {
        // A fragment would be cut off in silence.
        Ok(target) if is_target && !path.contains('#') => {
            let mut parts = uri::Parts::default();
            parts.path_and_query = Some(target);
            Uri::from_parts(parts).map_err(|_| invalid_path())
        }
        _ => Err(invalid_path()),
    }
}

fn invalid_path() -> Problem {
    malformed(
        400,
        "header :path is not an HTTP request target: start it with / and percent-encode it".into(),
    )
}

/// A body that is not as long as it says would be read differently by whoever
/// believes the header.
fn check_content_length(headers: &HeaderMap, body: &Bytes) -> Result<(), Problem> {
    let length = body.len();
    let right = |value: &HeaderValue| {
        value.to_str().ok().and_then(|text| text.parse().ok()) == Some(length)
    };
    if headers.get_all(header::CONTENT_LENGTH).iter().all(right) {
        return Ok(());
    }
    let detail =
        format!("header content-length does not say {length}, which is the length of the body");
    Err(malformed(400, detail))
}

/// Refuses what cannot cross a log: a tunnel has no end, a protocol switch no
/// connection to happen on.
pub(super) fn refuse_uncrossable<'a>(
    method: &Method,
    mut upgrades: impl Iterator<Item = &'a [u8]>,
) -> Result<(), Problem> {
    if *method == Method::CONNECT {
        return Err(not_supported("CONNECT asks for a tunnel"));
    }
    if upgrades.any(|value| !offers_only_http(value)) {
        return Err(not_supported(
            "header upgrade asks for another protocol on this connection",
        ));
    }
    Ok(())
}

/// Whether an `upgrade` header merely offers another HTTP. Some clients put the
/// offer on every request (`h2c`); RFC 9110, 7.8 lets a server ignore it, and
/// servers do. `h2` alone is no offer at all, and must be ignored (RFC 7540, 3.2).
fn offers_only_http(upgrade: &[u8]) -> bool {
    const HTTP: [&[u8]; 4] = [b"http", b"h2c", b"h2", b""];
    upgrade.split(|byte| *byte == b',').all(|protocol| {
        let name = protocol.split(|byte| *byte == b'/').next();
        let name = name.unwrap_or_default().trim_ascii();
        HTTP.iter().any(|known| name.eq_ignore_ascii_case(known))
    })
}

fn not_http() -> Problem {
    Problem::new("not-http", "the record is not an HTTP request", 400).with_detail(
        "headers :method and :path are missing: send both, or give the service a default route",
    )
}

fn malformed(status: u16, detail: String) -> Problem {
    Problem::new("malformed-request", "the request cannot be read", status).with_detail(detail)
}

fn not_supported(what: &str) -> Problem {
    Problem::new(
        "not-supported",
        "the request asks for what cannot cross a log",
        501,
    )
    .with_detail(format!(
        "{what}: send this request over a direct HTTP connection"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_target_is_taken_byte_for_byte_or_not_at_all(
            path in prop_oneof![
                "\\PC{0,40}",
                "/{1,3}[a-z%2F.:@/?#&=\\[\\]~]{0,40}",
                "[a-z]{1,5}:/{0,3}[a-z@:/]{0,20}",
            ]
        ) {
            if let Ok(uri) = target(&ByteString::from(path.as_str())) {
                prop_assert_eq!(uri.to_string(), path);
                prop_assert_eq!(uri.authority(), None);
                prop_assert_eq!(uri.scheme(), None);
            }
        }

        #[test]
        fn every_percent_encoded_path_is_a_target(
            path in "/([a-zA-Z0-9._~!$&'()*+,;=:@/-]|%[0-9a-fA-F]{2}){0,60}",
            query in proptest::option::of("([a-zA-Z0-9._~!$&'()*+,;=:@/?-]|%[0-9a-fA-F]{2}){0,20}")
        ) {
            let whole = match &query {
                Some(query) => format!("{path}?{query}"),
                None => path.clone(),
            };
            let uri = target(&ByteString::from(whole.as_str()));
            let uri = uri.expect("the target is valid");
            prop_assert_eq!(uri.path(), path);
            prop_assert_eq!(uri.query(), query.as_deref());
        }

        #[test]
        fn the_caller_and_the_service_agree_on_every_target(
            path in "/[ -~]{0,30}"
        ) {
            if let Ok(uri) = target(&ByteString::from(path.as_str())) {
                let (mut parts, ()) = Request::new(()).into_parts();
                parts.uri = uri.clone();
                let (head, _) = super::super::request_record(&parts, super::super::Reserved::Refuse)
                    .expect("the request can cross");
                let carried = target(&head.path.unwrap_or_default());
                prop_assert_eq!(carried.expect("the target is valid"), uri);
            }
        }
    }
}
