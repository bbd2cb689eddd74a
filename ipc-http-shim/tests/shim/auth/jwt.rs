//! Tokens.

use http::StatusCode;
use serde_json::{Value, json};

use super::{bearing, challenges, with};
use crate::support::token::{ISSUER, Issuing, claims, in_seconds, jwks, shown};
use crate::support::{Fake, Running, get, text};

const ROUTE: &str = r#"
[[routes]]
path = "/orders/{id}"
service = "orders"
auth = "jwt"
scopes = ["orders:read"]
"#;

/// Tells who calls.
fn who() -> Fake {
    Fake::telling(|seen| {
        let principal = seen.principal.expect("the route asks who calls");
        format!(
            "{:?} {} {} {:?}",
            principal.credential(),
            principal.issuer(),
            principal.subject(),
            principal.scopes()
        )
    })
}

#[tokio::test]
async fn a_token_of_an_issuer_says_who_calls_and_what_it_may_do() {
    let (ed, p256) = (Issuing::ed25519("ed"), Issuing::p256("p256"));
    let (_file, auth) = shown(&[&ed, &p256]);
    let shim = Running::start(&format!("{auth}{ROUTE}"), who()).await;

    for issuing in [&ed, &p256] {
        let token = issuing.token_of("ann", "orders:read orders:write");
        for _ in 0..2 {
            let answer = shim.send(bearing("/orders/7", &token)).await;
            assert_eq!(
                text(answer).await,
                format!("Jwt {ISSUER} ann [\"orders:read\", \"orders:write\"]")
            );
        }
    }
}

#[tokio::test]
async fn a_token_by_rsa_is_taken_and_one_by_another_padding_of_the_same_key_is_not() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shim/tokens/rsa.json");
    let auth = crate::support::token::issuer(keys);
    let shim = Running::start(&format!("{auth}{ROUTE}"), who()).await;

    let rs256 = include_str!("../tokens/rs256.jwt").trim_end();
    let answer = shim.send(bearing("/orders/7", rs256)).await;
    assert_eq!(
        text(answer).await,
        format!("Jwt {ISSUER} rita [\"orders:read\"]")
    );

    let ps256 = include_str!("../tokens/ps256.jwt").trim_end();
    let answer = shim.send(bearing("/orders/7", ps256)).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(challenges(&answer)[0].contains("its algorithm is not taken"));
}

/// Every way in which a token can be wrong, and what is counted.
fn wrong(issuing: &Issuing) -> Vec<(&'static str, String, &'static str)> {
    let other = Issuing::ed25519("other");
    let imposter = Issuing::ed25519(issuing.id);
    let but = |name: &str, value: Value| {
        let mut claims = claims("zed-9", "orders:read");
        claims[name] = value;
        issuing.token(&claims)
    };
    let without = |name: &str| {
        let mut claims = claims("zed-9", "orders:read");
        claims.as_object_mut().expect("it is one").remove(name);
        issuing.token(&claims)
    };
    let headed = |header: Value| issuing.signed(&header, &claims("zed-9", "orders:read"));
    let good = issuing.token_of("zed-9", "orders:read");
    let (front, signature) = good.rsplit_once('.').expect("it has parts");
    vec![
        ("no parts", "abc".to_owned(), "malformed"),
        ("a part too many", format!("{good}.x"), "malformed"),
        ("not base64", format!("{front}.!!"), "malformed"),
        ("another body", tampered(&good), "signature"),
        ("no signature", format!("{front}."), "signature"),
        (
            "half a signature",
            format!("{front}.{}", &signature[..40]),
            "signature",
        ),
        (
            "the id of another's key",
            imposter.token_of("zed-9", "orders:read"),
            "signature",
        ),
        (
            "an unknown key",
            other.token_of("zed-9", "orders:read"),
            "unknown_key",
        ),
        (
            "an unknown issuer",
            but("iss", json!("https://evil.example")),
            "unknown_issuer",
        ),
        ("no issuer", without("iss"), "unknown_issuer"),
        ("another audience", but("aud", json!("billing")), "audience"),
        (
            "other audiences",
            but("aud", json!(["billing", "stock"])),
            "audience",
        ),
        ("no audience", without("aud"), "malformed"),
        ("expired", but("exp", json!(in_seconds(-3600))), "expired"),
        ("no end", without("exp"), "malformed"),
        (
            "an end that is text",
            but("exp", json!("never")),
            "malformed",
        ),
        ("an end before all time", but("exp", json!(-1)), "malformed"),
        (
            "not yet",
            but("nbf", json!(in_seconds(3600))),
            "not_yet_valid",
        ),
        ("no subject", without("sub"), "malformed"),
        ("of nobody", but("sub", json!("")), "malformed"),
        ("unsigned", unsigned(), "malformed"),
        (
            "by another's kind of token",
            headed(json!({"alg": "EdDSA", "kid": issuing.id, "typ": "dpop+jwt"})),
            "malformed",
        ),
        (
            "with what must be understood",
            headed(json!({"alg": "EdDSA", "kid": issuing.id, "crit": ["x"]})),
            "malformed",
        ),
        (
            "by the public key as a secret",
            headed(json!({"alg": "HS256", "kid": issuing.id})),
            "algorithm",
        ),
        (
            "by an algorithm the key is not for",
            headed(json!({"alg": "RS256", "kid": issuing.id})),
            "unknown_key",
        ),
        (
            "too long",
            but("sub", json!("a".repeat(20_000))),
            "malformed",
        ),
    ]
}

fn tampered(token: &str) -> String {
    let mut parts: Vec<&str> = token.split('.').collect();
    let other = Issuing::ed25519("x").token_of("root", "orders:read");
    let body = other.split('.').nth(1).expect("it has one").to_owned();
    parts[1] = &body;
    parts.join(".")
}

fn unsigned() -> String {
    let signed =
        Issuing::ed25519("x").signed(&json!({"alg": "none"}), &claims("zed-9", "orders:read"));
    let (front, _) = signed.rsplit_once('.').expect("it has parts");
    format!("{front}.")
}

#[tokio::test]
async fn a_token_that_is_wrong_in_any_way_is_401_and_counted_by_why() {
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let shim = Running::start(&format!("{auth}{ROUTE}"), Fake::silent()).await;

    for (how, token, reason) in wrong(&issuing) {
        let before = counted(&shim, reason).await;
        let answer = shim.send(bearing("/orders/7", &token)).await;

        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{how}");
        let challenge = challenges(&answer).join("; ");
        assert!(
            challenge.starts_with("Bearer realm=\"ipc\", error=\"invalid_token\""),
            "{how}: {challenge}"
        );
        let told = text(answer).await;
        assert!(
            told.contains("urn:ipc:problem:unauthenticated"),
            "{how}: {told}"
        );
        assert!(!told.contains("zed-9"), "{how}: {told}");
        assert_eq!(counted(&shim, reason).await, before + 1, "{how}: {reason}");
    }
}

async fn counted(shim: &Running, reason: &str) -> u64 {
    let metrics = text(shim.probe("/metrics").await).await;
    let name = format!("ipc_shim_denied_total{{route=\"/orders/{{id}}\",reason=\"{reason}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.parse().expect("it is a number"))
}

#[tokio::test]
async fn clocks_may_differ_by_the_skew() {
    let issuing = Issuing::p256("p");
    let (_file, auth) = shown(&[&issuing]);
    let auth = format!("{auth}skew = \"10m\"\n");
    let shim = Running::start(&format!("{auth}{ROUTE}"), who()).await;

    for (name, seconds) in [("exp", -300), ("nbf", 300)] {
        let mut claims = claims("ann", "orders:read");
        claims[name] = json!(in_seconds(seconds));
        let answer = shim
            .send(bearing("/orders/7", &issuing.token(&claims)))
            .await;
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
    }
}

#[tokio::test]
async fn an_algorithm_that_its_issuer_is_not_known_to_use_is_not_taken() {
    let (ed, p256) = (Issuing::ed25519("ed"), Issuing::p256("p256"));
    let (_file, auth) = shown(&[&ed, &p256]);
    let auth = format!("{auth}algorithms = \"ES256\"\n");
    let shim = Running::start(&format!("{auth}{ROUTE}"), who()).await;

    let taken = shim
        .send(bearing("/orders/7", &p256.token_of("ann", "orders:read")))
        .await;
    let not = shim
        .send(bearing("/orders/7", &ed.token_of("ann", "orders:read")))
        .await;

    assert_eq!(taken.status(), StatusCode::OK);
    assert_eq!(not.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_client_without_a_scope_is_403_and_told_which() {
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let shim = Running::start(&format!("{auth}{ROUTE}"), Fake::silent()).await;

    let token = issuing.token_of("ann", "orders:write");
    let answer = shim.send(bearing("/orders/7", &token)).await;

    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        challenges(&answer),
        ["Bearer realm=\"ipc\", error=\"insufficient_scope\", scope=\"orders:read\""]
    );
    assert!(text(answer).await.contains("urn:ipc:problem:forbidden"));
}

#[tokio::test]
async fn a_client_without_a_token_is_told_to_bring_one_and_nothing_else() {
    let (_file, auth) = shown(&[&Issuing::ed25519("ed")]);
    let shim = Running::start(&format!("{auth}{ROUTE}"), Fake::silent()).await;

    let basic = with("/orders/7", "authorization", "Basic YTpi");
    for request in [get("/orders/7"), basic] {
        let answer = shim.send(request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(challenges(&answer), ["Bearer realm=\"ipc\""]);
    }
}

#[tokio::test]
async fn two_tokens_are_none() {
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let shim = Running::start(&format!("{auth}{ROUTE}"), Fake::silent()).await;

    let mut request = bearing("/orders/7", &issuing.token_of("ann", "orders:read"));
    let other = format!("Bearer {}", issuing.token_of("bob", "orders:read"));
    request
        .headers_mut()
        .append("authorization", other.parse().expect("a value"));

    assert_eq!(shim.send(request).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_goes_on_unless_it_is_said_that_it_does_not() {
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let forwarded =
        || Fake::telling(|seen| seen.head.headers.contains_key("authorization").to_string());
    let token = issuing.token_of("ann", "orders:read");

    for (setting, goes_on) in [
        ("", "true"),
        ("auth.forward_authorization = false\n", "false"),
    ] {
        let shim = Running::start(&format!("{setting}{auth}{ROUTE}"), forwarded()).await;
        assert_eq!(
            text(shim.send(bearing("/orders/7", &token)).await).await,
            goes_on
        );
    }
}

#[tokio::test]
async fn a_verified_token_is_forgotten_with_the_key_it_was_signed_with() {
    let (old, new) = (Issuing::ed25519("old"), Issuing::ed25519("new"));
    let (file, auth) = shown(&[&old]);
    // It is asked again whenever there is an unknown key.
    let auth = format!("{auth}floor = \"1ms\"\n");
    let shim = Running::start(&format!("{auth}{ROUTE}"), who()).await;
    let with_old = bearing("/orders/7", &old.token_of("ann", "orders:read"));
    let again = bearing("/orders/7", &old.token_of("ann", "orders:read"));
    assert_eq!(shim.send(with_old).await.status(), StatusCode::OK);

    std::fs::write(file.path(), jwks(&[&new])).expect("it is written");
    let token = new.token_of("ann", "orders:read");
    // The first may come while it must not ask yet.
    let mut learnt = shim.send(bearing("/orders/7", &token)).await.status();
    while learnt != StatusCode::OK {
        learnt = shim.send(bearing("/orders/7", &token)).await.status();
    }

    assert_eq!(shim.send(again).await.status(), StatusCode::UNAUTHORIZED);
}
