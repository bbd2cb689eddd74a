//! A legacy upstream that is asked over TLS: here it is a gateway itself.

use http::StatusCode;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;

use crate::support::{Authority, Fake, Running, get, running_config, text, within};

/// An upstream that tells whom it has answered.
async fn upstream(authority: &Authority, more: &str) -> Running {
    upstream_at("127.0.0.1", authority, more).await
}

/// An upstream whose certificate is for this host.
async fn upstream_at(host: &str, authority: &Authority, more: &str) -> Running {
    let issued = authority.issue_for(host, "upstream", 4096);
    let fake = Fake::telling(|seen| {
        let certificate = seen.peer.certificate.as_deref();
        let name = certificate.and_then(|it| it.common_name.as_deref());
        format!("{} {}", seen.peer.scheme(), name.unwrap_or("nobody"))
    });
    let text = format!(
        "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n[tls]\n{}{more}",
        issued.settings()
    );
    Running::start(&text, fake).await
}

/// The configuration of a gateway before it that trusts `ca`.
fn before(upstream: &Running, ca: &NamedTempFile, more: &str) -> String {
    format!(
        "legacy = \"https://{}\"\n[legacy_tls]\nca = \"{}\"\n{more}",
        upstream.address,
        ca.path().display()
    )
}

#[tokio::test]
async fn an_upstream_is_asked_over_tls_by_the_authority_that_is_named() {
    let authority = Authority::new();
    let upstream = upstream(&authority, "").await;
    let ca = authority.file();
    let shim = Running::start(&before(&upstream, &ca, ""), Fake::silent()).await;

    let answer = within(shim.send(get("/a"))).await;

    assert_eq!(text(answer).await, "https nobody");
}

#[tokio::test]
async fn an_upstream_that_asks_for_a_certificate_is_shown_one() {
    let authority = Authority::new();
    let ca = authority.file();
    let asks = format!("client_ca = \"{}\"\n", ca.path().display());
    let upstream = upstream(&authority, &asks).await;
    let own = authority.issue("the gateway");
    let text_of = before(&upstream, &ca, &own.settings());
    let shim = Running::start(&text_of, Fake::silent()).await;

    let answer = within(shim.send(get("/a"))).await;

    assert_eq!(text(answer).await, "https the gateway");
    let metrics = text(shim.probe("/metrics").await).await;
    let ends = "ipc_shim_tls_certificate_not_after_seconds{certificate=\"legacy\"}";
    assert!(metrics.contains(ends), "{metrics}");
}

#[tokio::test]
async fn an_upstream_of_another_authority_is_502_and_the_client_is_not_told_why() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let upstream = upstream(&authority, "").await;
    let (ca, foreign) = (authority.file(), stranger.file());
    let shim = Running::start(&before(&upstream, &foreign, ""), Fake::silent()).await;

    let answer = within(shim.send(get("/a"))).await;

    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let problem = text(answer).await;
    assert!(
        problem.contains("urn:ipc:problem:legacy-unreachable"),
        "{problem}"
    );
    assert!(problem.contains("nothing was sent"), "{problem}");
    assert!(!problem.to_lowercase().contains("certificate"), "{problem}");

    let mended = running_config(&before(&upstream, &ca, ""));
    shim.live.change(&mended).expect("it is in order");
    let answer = within(shim.send(get("/a"))).await;
    assert_eq!(text(answer).await, "https nobody");
}

#[tokio::test]
async fn an_upstream_with_a_certificate_for_another_name_is_502() {
    let authority = Authority::new();
    let upstream = upstream_at("shop.example", &authority, "").await;
    let ca = authority.file();
    let shim = Running::start(&before(&upstream, &ca, ""), Fake::silent()).await;

    let answer = within(shim.send(get("/a"))).await;

    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert!(text(answer).await.contains("nothing was sent"));
}

#[tokio::test]
async fn an_upstream_that_never_shakes_hands_is_504() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text_of = format!(
        "legacy = \"https://{}\"\ntimeout = \"50ms\"\n",
        silent.local_addr().unwrap()
    );
    let shim = Running::start(&text_of, Fake::silent()).await;

    let answer = within(shim.send(get("/a"))).await;

    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(
        text(answer)
            .await
            .contains("urn:ipc:problem:legacy-timeout")
    );
}
