//! Telling services who calls, over the development broker.

use axum::Router;
use axum::routing::post as on_post;
use http::{Request, StatusCode};
use ipc_core::extract::Principal;
use ipc_core::principal::VerifyingKeys;
use ipc_core::service::Service;
use tempfile::NamedTempFile;

use super::bearing;
use crate::support::token::{Issuing, shown};
use crate::support::{OverKafka, text};

const SECRET: &str = "thirty-two bytes at the very least";

#[tokio::test(flavor = "multi_thread")]
async fn a_service_finds_who_called_the_gateway_and_nobody_can_say_so_himself() {
    let who = async |principal: Option<Principal>, body: String| match principal {
        Some(it) => format!(
            "{} {} {:?} {}",
            it.credential,
            it.subject,
            it.scopes,
            body.len()
        ),
        None => format!("nobody {}", body.len()),
    };
    let keys = VerifyingKeys::new().hmac("2026-a", SECRET.as_bytes());
    let service = Service::builder("orders").principals(keys.expect("it is a key"));
    let app = Router::new().route("/{*path}", on_post(who));
    let secret = NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), SECRET).expect("it is written");
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let settings = format!(
        "{auth}[auth.sign]\nid = \"2026-a\"\nhmac = \"${{file:{}}}\"\n\
         [[routes]]\npath = \"/a\"\nservice = \"orders\"\nauth = \"jwt\"\n\
         [[routes]]\npath = \"/open\"\nservice = \"orders\"\n",
        secret.path().display()
    );
    let over_kafka = OverKafka::start(&settings, service, app).await;
    let shim = &over_kafka.shim;

    let token = issuing.token_of("ann", "orders:read");
    let post = |path: &str, body: &'static str| {
        let (mut head, _) = bearing(path, &token).into_parts();
        head.method = http::Method::POST;
        let forged = "1.2026-a.AAAA.AAAA".parse().expect("a value");
        head.headers.insert("ipc-principal", forged);
        Request::from_parts(head, axum::body::Body::from(body))
    };
    let answer = shim.send(post("/a", "tea")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(text(answer).await, "jwt ann [\"orders:read\"] 3");
    let large = "a".repeat(3 * 512 * 1024 + 1).leak();
    let answer = shim.send(post("/a", large)).await;
    assert_eq!(text(answer).await, "jwt ann [\"orders:read\"] 1572865");
    let answer = shim.send(post("/open", "tea")).await;
    assert_eq!(text(answer).await, "nobody 3");

    over_kafka.stop().await;
}
