//! Headers as an ordered list of bytes.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use axum::response::{AppendHeaders, Redirect};
use axum::routing::get;

use crate::{Case, mirror};

/// A GET request with these headers.
///
/// # Panics
///
/// Where a name or a value is none.
#[must_use]
pub fn with_headers(headers: &[(&str, &[u8])]) -> Request {
    let mut request = crate::get("/");
    for (name, value) in headers {
        request.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value).unwrap(),
        );
    }
    request
}

fn answers() -> Router {
    Router::new()
        .route(
            "/cookies",
            get(|| async {
                AppendHeaders([
                    (header::SET_COOKIE, "a=1; Path=/; HttpOnly"),
                    (
                        header::SET_COOKIE,
                        "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
                    ),
                    (header::SET_COOKIE, "a=3"),
                ])
            }),
        )
        .route(
            "/bytes",
            get(|| async {
                let raw = HeaderValue::from_bytes(b"caf\xe9 \xff\ttab").unwrap();
                let mut headers = HeaderMap::new();
                headers.insert("x-raw", raw);
                headers.insert("x-empty", HeaderValue::from_static(""));
                headers
            }),
        )
        .route(
            "/redirect",
            get(|| async { Redirect::permanent("//elsewhere/%2F?#f") }),
        )
        .route(
            "/cached",
            get(|| async {
                Response::builder()
                    .status(304)
                    .header(header::ETAG, "W/\"1\"")
                    .header(header::VARY, "accept")
                    .header(header::VARY, "origin")
                    .body(Body::empty())
                    .unwrap()
            }),
        )
        .route(
            "/odd",
            get(|| async { Response::builder().status(599).body(Body::empty()).unwrap() }),
        )
}

/// Request headers that are repeated, empty, or no text.
pub const REQUESTS: &[Case] = &[
    Case {
        name: "host and credentials",
        app: mirror,
        request: || {
            with_headers(&[
                ("host", b"shop.example"),
                ("authorization", b"Bearer t"),
                ("cookie", b"a=1"),
                ("cookie", b"b=2"),
                ("proxy-authorization", b"Basic x"),
            ])
        },
        status: 200,
    },
    Case {
        name: "repeats, empty values and bytes beyond ASCII",
        app: mirror,
        request: || {
            with_headers(&[
                ("x-many", b"1"),
                ("x-other", b""),
                ("x-many", b"2, 3"),
                ("x-raw", b"\xff\xfe\x80 \t end"),
                ("x-many", b"1"),
            ])
        },
        status: 200,
    },
    Case {
        name: "what the framework reads too",
        app: mirror,
        request: || {
            with_headers(&[
                (
                    "traceparent",
                    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                ),
                ("baggage", b"a=1"),
                ("x-request-id", b"r"),
                ("expect", b"100-continue"),
            ])
        },
        status: 200,
    },
];

/// A header that the framework reads too.
pub const IDEMPOTENCY_KEYS: &[Case] = &[
    Case {
        name: "one",
        app: mirror,
        request: || with_headers(&[("idempotency-key", b"op-1")]),
        status: 200,
    },
    Case {
        name: "two",
        app: mirror,
        request: || with_headers(&[("idempotency-key", b"1"), ("idempotency-key", b"2")]),
        status: 200,
    },
    Case {
        name: "not UTF-8",
        app: mirror,
        request: || with_headers(&[("idempotency-key", b"\xff")]),
        status: 200,
    },
];

/// Response headers, and statuses of every kind.
pub const RESPONSES: &[Case] = &[
    Case {
        name: "repeated cookies",
        app: answers,
        request: || crate::get("/cookies"),
        status: 200,
    },
    Case {
        name: "bytes beyond ASCII and empty values",
        app: answers,
        request: || crate::get("/bytes"),
        status: 200,
    },
    Case {
        name: "a redirection",
        app: answers,
        request: || crate::get("/redirect"),
        status: 308,
    },
    Case {
        name: "not modified",
        app: answers,
        request: || crate::get("/cached"),
        status: 304,
    },
    Case {
        name: "a status nobody registered",
        app: answers,
        request: || crate::get("/odd"),
        status: 599,
    },
];
