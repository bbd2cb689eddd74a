//! Bodies of every kind and length.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::routing::{get, post};
use axum::{Form, Json};
use serde_json::{Value, json};
use tower_http::limit::RequestBodyLimitLayer;

use crate::{Case, mirror, unknown_length};

const MIB: usize = 1024 * 1024;

fn post_body(uri: &str, content_type: &str, body: impl Into<Body>) -> Request {
    Request::post(uri)
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .unwrap()
}

fn every_byte() -> Vec<u8> {
    (0..=u8::MAX).cycle().take(70_000).collect()
}

fn counting() -> Router {
    async fn parts(mut form: Multipart) -> Result<String, StatusCode> {
        let mut seen = String::new();
        while let Some(field) = form
            .next_field()
            .await
            .map_err(|_| StatusCode::BAD_REQUEST)?
        {
            let name = format!("{:?} {:?}", field.name(), field.file_name());
            let bytes = field.bytes().await.map_err(|_| StatusCode::BAD_REQUEST)?;
            seen += &format!("{name} {:?}\n", bytes.escape_ascii().to_string());
        }
        Ok(seen)
    }
    Router::new()
        .route(
            "/count",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route("/multipart", post(parts))
        .route(
            "/json",
            post(|Json(value): Json<Value>| async { Json(value) }),
        )
        .route(
            "/form",
            post(|Form(pairs): Form<Vec<(String, String)>>| async { Json(pairs) }),
        )
}

fn unlimited() -> Router {
    counting().layer(DefaultBodyLimit::disable())
}

fn limited() -> Router {
    counting()
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(1000))
}

/// Request bodies of every kind.
pub const REQUESTS: &[Case] = &[
    Case {
        name: "every byte there is",
        app: mirror,
        request: || post_body("/", "application/octet-stream", every_byte()),
        status: 200,
    },
    Case {
        name: "compressed stays compressed",
        app: mirror,
        request: || {
            let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00";
            let mut request = post_body("/", "text/plain", &gzip[..]);
            let encoding = header::HeaderValue::from_static("gzip");
            request
                .headers_mut()
                .insert(header::CONTENT_ENCODING, encoding);
            request
        },
        status: 200,
    },
    Case {
        name: "a length told beforehand",
        app: mirror,
        request: || {
            let mut request = post_body("/", "text/plain", "12345");
            request
                .headers_mut()
                .insert(header::CONTENT_LENGTH, 5.into());
            request
        },
        status: 200,
    },
    Case {
        name: "a length not told",
        app: counting,
        request: || post_body("/count", "text/plain", unknown_length(1000, b"frame")),
        status: 200,
    },
    Case {
        name: "six megabytes",
        app: unlimited,
        request: || post_body("/count", "text/plain", vec![7; 6 * MIB]),
        status: 200,
    },
    Case {
        name: "multipart",
        app: counting,
        request: || {
            let body = "--b\r\ncontent-disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\n\r\n\0\r\n\u{ff}\r\n--b\r\ncontent-disposition: form-data; name=\"g\"\r\n\r\n2\r\n--b--\r\n";
            post_body("/multipart", "multipart/form-data; boundary=b", body)
        },
        status: 200,
    },
    Case {
        name: "a form",
        app: counting,
        request: || post_body("/form", "application/x-www-form-urlencoded", "a=1&a=%20&b="),
        status: 200,
    },
    Case {
        name: "JSON",
        app: counting,
        request: || {
            post_body(
                "/json",
                "application/json",
                json!({"a": [1, null]}).to_string(),
            )
        },
        status: 200,
    },
];

/// Request bodies that extractors and layers refuse.
pub const REFUSED: &[Case] = &[
    Case {
        name: "not JSON",
        app: counting,
        request: || post_body("/json", "application/json", "{"),
        status: 400,
    },
    Case {
        name: "not called JSON",
        app: counting,
        request: || post_body("/json", "text/plain", "{}"),
        status: 415,
    },
    Case {
        name: "multipart without a boundary",
        app: counting,
        request: || post_body("/multipart", "multipart/form-data", "x"),
        status: 400,
    },
    Case {
        name: "longer than axum's own limit",
        app: counting,
        request: || post_body("/count", "text/plain", vec![7; 2 * MIB + 1]),
        status: 413,
    },
    Case {
        name: "longer than a layer's limit, and told so",
        app: limited,
        request: || {
            let mut request = post_body("/count", "text/plain", vec![7; 1001]);
            request
                .headers_mut()
                .insert(header::CONTENT_LENGTH, 1001.into());
            request
        },
        status: 413,
    },
    Case {
        name: "longer than a layer's limit, and not told so",
        app: limited,
        request: || post_body("/count", "text/plain", vec![7; 1001]),
        status: 413,
    },
];

fn replies() -> Router {
    Router::new()
        .route("/bytes", get(|| async { every_byte() }))
        .route("/empty", get(|| async {}))
        .route("/one-record", get(|| async { vec![1; 512 * 1024] }))
        .route("/chunks", get(|| async { vec![2; 512 * 1024 + 1] }))
        .route("/sixteen", get(|| async { vec![3; 16 * MIB] }))
        .route("/unknown", get(|| async { unknown_length(3, b"piece") }))
        .route(
            "/unknown-long",
            get(|| async { unknown_length(200, &[4; 9000]) }),
        )
}

/// Reply bodies of every length.
pub const REPLIES: &[Case] = &[
    Case {
        name: "every byte there is",
        app: replies,
        request: || crate::get("/bytes"),
        status: 200,
    },
    Case {
        name: "none",
        app: replies,
        request: || crate::get("/empty"),
        status: 200,
    },
    Case {
        name: "what just fits a record",
        app: replies,
        request: || crate::get("/one-record"),
        status: 200,
    },
    Case {
        name: "one byte more",
        app: replies,
        request: || crate::get("/chunks"),
        status: 200,
    },
    Case {
        name: "sixteen megabytes",
        app: replies,
        request: || crate::get("/sixteen"),
        status: 200,
    },
    Case {
        name: "a length not told",
        app: replies,
        request: || crate::get("/unknown"),
        status: 200,
    },
    Case {
        name: "a length not told that outgrows a record",
        app: replies,
        request: || crate::get("/unknown-long"),
        status: 200,
    },
];
