//! Laws of what crosses the gateway: any request, and any reply.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version, request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ipc_core::envelope::{Header, Headers, names};
use ipc_core::http::{Reserved, request_record, response_parts};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::intake::{Passage, check, normalise};
use super::length;
use crate::config::Limits;

/// Names that mean something on a connection, on the log or to the gateway.
const NAMES: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "ipc-deadline",
    "ipc-principal",
    "kafka_replyTopic",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-mine",
];

/// What speaks of one connection.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(NAMES).prop_map(str::to_owned),
        1 => "(?i)(ipc-|kafka_|ce_|:)[a-z]{0,4}",
        1 => "\\PC{0,6}",
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "(shop|shop:80|a, b|chunked|gzip|close|Host|x-mine|h2c|echo|100-continue|0|5|6|\\+5|,)"
            .prop_map(String::into_bytes),
        2 => "((close|host|x-mine|ipc-deadline|te), ?){1,3}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..12),
    ]
}

fn target() -> impl Strategy<Value = String> {
    let piece =
        "(/|\\.|\\.\\.|%2e|%2F|%00|%61|%|\\\\|;|a|[!-~]|\\?|\\*|:|@|http://|shop|\u{e9}){1,8}";
    prop_oneof![4 => piece.prop_map(|it| format!("/{it}")), 1 => piece, 1 => Just("*".to_owned())]
}

fn headers(named: &[(String, Vec<u8>)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in named {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// Any head that HTTP's own types can hold.
fn any_head() -> impl Strategy<Value = request::Parts> {
    let method = prop_oneof!["GET|POST|OPTIONS|CONNECT", "[!-~]{1,6}"];
    let version = prop_oneof![
        1 => Just(Version::HTTP_10),
        4 => Just(Version::HTTP_11),
        2 => Just(Version::HTTP_2)
    ];
    let host = proptest::option::of(Just(("host".to_owned(), b"shop".to_vec())));
    (
        method,
        target(),
        version,
        host,
        vec((name(), value()), 0..6),
    )
        .prop_filter_map(
            "there is such a request",
            |(method, target, version, host, named)| {
                let (mut head, ()) = Request::new(()).into_parts();
                head.method = Method::from_bytes(method.as_bytes()).ok()?;
                head.uri = Uri::try_from(target.as_str()).ok()?;
                head.version = version;
                let named: Vec<_> = host.into_iter().chain(named).collect();
                head.headers = headers(&named);
                Some(head)
            },
        )
}

fn small() -> Limits {
    Limits {
        url: 12,
        header_count: 4,
        header_bytes: 60,
        ..Limits::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_request_crosses_as_it_is_without_what_is_not_its_own_or_not_at_all(mut head in any_head()) {
        let limits = small();
        let asked = head.uri.clone();
        let Ok(passage) = check(&head, &limits) else {
            return Ok(());
        };
        let size: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        prop_assert!(size <= limits.header_bytes && head.headers.len() <= limits.header_count);
        normalise(&mut head);

        prop_assert_eq!((head.uri.scheme(), head.uri.authority()), (None, None));
        prop_assert_eq!((head.uri.path(), head.uri.query()), (asked.path(), asked.query()));
        prop_assert!(head.uri.path_and_query().is_none_or(|it| it.as_str().len() <= limits.url));
        let hosts: Vec<_> = head.headers.get_all(HOST).iter().collect();
        prop_assert!(hosts.len() == 1 || head.version == Version::HTTP_10, "{:?}", hosts);
        if let Some(authority) = asked.authority() {
            prop_assert_eq!(hosts, [authority.as_str()]);
        }

        let Passage::Anywhere = passage else {
            return Ok(());
        };
        let (written, record) = request_record(&head, Reserved::Refuse).expect("it can cross");
        prop_assert_eq!(written.method.as_deref(), Some(head.method.as_str()));
        let path = written.path.expect("it has one");
        prop_assert_eq!(path.as_ref(), head.uri.to_string());
        prop_assert!(path.starts_with('/') || path == "*");
        for header in &record {
            prop_assert!(!names::is_reserved(&header.name), "{:?}", header.name);
            prop_assert!(!HOP_BY_HOP.contains(&&*header.name), "{:?}", header.name);
        }
    }
}

/// The bytes of an answer to a request with this method, as hyper writes them.
async fn written(response: Response<Body>, method: &Method) -> Vec<u8> {
    let (mut client, server) = tokio::io::duplex(1 << 16);
    let response = parking_lot::Mutex::new(Some(response));
    let service = service_fn(|_: Request<Incoming>| {
        let response = response.lock().take().unwrap_or_default();
        async { Ok::<_, Infallible>(response) }
    });
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service);
    let asking = async {
        let asked = format!("{method} / HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n");
        client
            .write_all(asked.as_bytes())
            .await
            .expect("it is taken");
        let mut answer = Vec::new();
        client
            .read_to_end(&mut answer)
            .await
            .expect("it is answered");
        answer
    };
    let (served, answer) = tokio::join!(serving, asking);
    served.expect("it can be written");
    answer
}

/// A body whose length is known, or not.
fn body(bytes: &Bytes, is_known: bool) -> Body {
    let body = Body::from(bytes.clone());
    if is_known {
        return body;
    }
    Body::from_stream(body.into_data_stream())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_reply_becomes_one_answer_whatever_it_says(
        status in prop_oneof![4 => 200_u16..600, 1 => any::<u16>(), 1 => Just(204), 1 => Just(304)],
        named in vec((name(), value()), 0..6),
        payload in vec(any::<u8>(), 0..8).prop_map(Bytes::from),
        is_known in any::<bool>(),
        method in proptest::sample::select(vec![Method::GET, Method::HEAD, Method::POST]),
    ) {
        let record: Headers = named
            .into_iter()
            .map(|(name, value)| Header { name: name.into(), value: Some(value.into()) })
            .collect();
        let Ok(head) = response_parts(status, &record) else {
            // No final status.
            prop_assert!(!(200..1000).contains(&status));
            return Ok(());
        };
        for name in head.headers.keys() {
            prop_assert!(!HOP_BY_HOP.contains(&name.as_str()), "{name}");
            prop_assert!(!names::is_reserved(name.as_str()), "{name}");
        }
        let mut response = Response::from_parts(head, body(&payload, is_known));
        length::correct(&mut response, &method);
        let has_length = response.headers().contains_key(CONTENT_LENGTH);
        prop_assume!(is_known || !has_length || is_right(&response, payload.len()));

        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let answer = runtime.block_on(written(response, &method));

        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").expect("a head") + 4;
        let text = String::from_utf8_lossy(&answer[..end]).into_owned();
        let lines: Vec<&str> = text.split("\r\n").skip(1).filter(|line| !line.is_empty()).collect();
        let count = |name: &str| lines.iter().filter(|line| line.starts_with(name)).count();
        prop_assert!(lines.iter().all(|line| line.contains(": ") && !line.contains(['\r', '\n', '\0'])), "{text:?}");
        prop_assert!(count("content-length: ") + count("transfer-encoding: ") <= 1, "{text:?}");
        let is_empty = method == Method::HEAD || matches!(status, 204 | 304);
        if is_empty {
            prop_assert_eq!(answer.len(), end);
        } else if count("content-length: ") == 1 {
            prop_assert_eq!(&answer[end..], &payload[..]);
        }
    }
}

/// A length that is said of a body whose own is not known is held to by hyper, which
/// breaks the connection off.
fn is_right(response: &Response<Body>, length: usize) -> bool {
    response.headers()[CONTENT_LENGTH] == HeaderValue::from(length)
}
