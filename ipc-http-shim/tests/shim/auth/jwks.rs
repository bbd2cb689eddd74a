//! The keys that issuers show.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get as on_get;
use http::{StatusCode, header};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::bearing;
use crate::support::token::{Issuing, issuer, jwks};
use crate::support::{Fake, Legacy, Running, text};

const ROUTE: &str = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\nauth = \"jwt\"\n";

fn answering() -> Fake {
    Fake::telling(|seen| seen.principal.expect("it is asked").subject().to_owned())
}

#[tokio::test]
async fn keys_are_fetched_and_kept_while_their_issuer_is_away() {
    let (old, new) = (Issuing::ed25519("old"), Issuing::p256("new"));
    let shown = Arc::new(Mutex::new(Some(jwks(&[&old]))));
    let show = {
        let shown = Arc::clone(&shown);
        move || {
            let shown = shown.lock().clone();
            async move { shown.ok_or(StatusCode::INTERNAL_SERVER_ERROR) }
        }
    };
    let id = Legacy::start(Router::new().route("/keys", on_get(show))).await;
    let auth = issuer(&format!("http://{}/keys", id.address));
    let text_of = format!("{auth}floor = \"1ms\"\nrefresh = \"1ms\"\n{ROUTE}");
    let shim = Running::start(&text_of, answering()).await;

    let (old, new) = (old.token_of("ann", ""), (new.token_of("bob", ""), new));
    assert_eq!(text(shim.send(bearing("/a", &old)).await).await, "ann");

    // Away, again and again.
    *shown.lock() = None;
    let failures = "jwks_fetches_total{issuer=\"https://id.example\",outcome=\"failed\"} ";
    while !text(shim.probe("/metrics").await).await.contains(failures) {
        tokio::task::yield_now().await;
    }
    assert_eq!(text(shim.send(bearing("/a", &old)).await).await, "ann");

    // And there again, with another key.
    *shown.lock() = Some(jwks(&[&new.1]));
    let mut answer = shim.send(bearing("/a", &new.0)).await;
    while answer.status() != StatusCode::OK {
        answer = shim.send(bearing("/a", &new.0)).await;
    }
    assert_eq!(text(answer).await, "bob");
}

#[tokio::test]
async fn an_issuer_that_was_never_there_is_503_with_when_to_try_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nobody = listener.local_addr().expect("it has an address");
    drop(listener);
    let auth = issuer(&format!("http://{nobody}/keys"));
    let shim = Running::start(&format!("{auth}{ROUTE}"), Fake::silent()).await;

    let token = Issuing::ed25519("ed").token_of("ann", "");
    let answer = shim.send(bearing("/a", &token)).await;

    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "30");
    assert!(
        text(answer)
            .await
            .contains("urn:ipc:problem:keys-unavailable")
    );
}

#[tokio::test]
async fn a_document_without_end_is_not_read_to_its_end() {
    let endless = || async { "[".repeat(300 * 1024) };
    let id = Legacy::start(Router::new().route("/keys", on_get(endless))).await;
    let auth = issuer(&format!("http://{}/keys", id.address));
    let shim = Running::start(&format!("{auth}{ROUTE}"), Fake::silent()).await;

    let token = Issuing::ed25519("ed").token_of("ann", "");
    let answer = shim.send(bearing("/a", &token)).await;

    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn keys_are_fetched_over_tls_from_whom_the_certificates_of_the_file_vouch_for() {
    let issuing = Issuing::ed25519("ed");
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let certified = certified.expect("a certificate");
    let mut trusted = NamedTempFile::new().expect("a file");
    write!(trusted, "{}", certified.cert.pem()).expect("it is written");
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let mut stranger = NamedTempFile::new().expect("a file");
    write!(stranger, "{}", other.expect("a certificate").cert.pem()).expect("it is written");
    let (address, _serving) = over_tls(&certified, jwks(&[&issuing])).await;

    let auth = issuer(&format!("https://localhost:{}/keys", address.port()));
    let token = issuing.token_of("ann", "");
    for (ca, status) in [
        (&trusted, StatusCode::OK),
        (&stranger, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let ca = format!("ca = \"{}\"\n", ca.path().display());
        let shim = Running::start(&format!("{auth}{ca}{ROUTE}"), answering()).await;
        let answer = shim.send(bearing("/a", &token)).await;
        assert_eq!(answer.status(), status);
    }
}

/// A server that answers everything with `document`.
async fn over_tls(
    certified: &CertifiedKey<rcgen::KeyPair>,
    document: String,
) -> (SocketAddr, JoinSet<()>) {
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("they are known")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it has an address");
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not trust it leaves in the middle of this.
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let answer = service_fn(|_| {
                let body = document.clone();
                async move { Ok::<_, std::convert::Infallible>(http::Response::new(body)) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            let served = connection
                .serve_connection(TokioIo::new(stream), answer)
                .await;
            let _ = served;
        }
    });
    (address, serving)
}
