//! Client certificates.

use http::StatusCode;

use super::challenges;
use crate::support::secured::{Authority, Http};
use crate::support::{Fake, Running, get, text, try_config};

const KNOWN: &str = r#"
[[auth.certificates]]
name = "billing"
common_name = "billing.acme"
scopes = ["orders:read"]

[[auth.certificates]]
name = "audit"
common_name = "audit.acme"
"#;

const ROUTES: &str = r#"
[[routes]]
path = "/a"
service = "orders"
auth = "mtls"
scopes = ["orders:read"]

[[routes]]
path = "/open"
service = "orders"
"#;

#[tokio::test]
async fn a_certificate_that_is_known_says_who_calls() {
    let authority = Authority::new();
    let (own, ca) = (authority.issue("shim"), authority.file());
    let tls = format!(
        "[tls]\n{}client_ca = \"{}\"\nclient_auth = \"optional\"\n",
        own.settings(),
        ca.path().display()
    );
    let fake = Fake::telling(|seen| match seen.principal {
        Some(it) => format!("{:?} {} {:?}", it.credential(), it.subject(), it.scopes()),
        None => "nobody".to_owned(),
    });
    let shim = Running::start(&format!("{tls}{KNOWN}{ROUTES}"), fake).await;

    for (who, status, told) in [
        (
            Some("billing.acme"),
            StatusCode::OK,
            "Mtls billing [\"orders:read\"]",
        ),
        (
            Some("audit.acme"),
            StatusCode::FORBIDDEN,
            "insufficient_scope",
        ),
        (
            Some("evil.acme"),
            StatusCode::UNAUTHORIZED,
            "it is not known here",
        ),
        (None, StatusCode::UNAUTHORIZED, "Certificate realm"),
    ] {
        let identity = who.map(|who| authority.issue(who));
        let client = authority.client(identity.as_ref());
        let connected = client.connect(shim.address, Http::Two).await;
        let mut connection = connected.expect("it is let in");
        let answer = connection.send(get("/a")).await;
        assert_eq!(answer.status(), status, "{who:?}");
        let challenge = challenges(&answer).join("; ");
        let told_in = format!("{challenge}{}", text(answer).await);
        assert!(told_in.contains(told), "{who:?}: {told_in}");
        let open = connection.send(get("/open")).await;
        assert_eq!(text(open).await, "nobody");
    }
}

#[test]
fn certificates_that_nobody_is_asked_for_are_a_mistake() {
    let top = "kafka.\"bootstrap.servers\" = \"a:1\"\n";
    let listed = try_config(&format!("{top}{KNOWN}{ROUTES}")).expect_err("nobody is asked");
    assert_eq!(
        listed.to_string(),
        "shim.toml: client certificates are taken, and no client is asked for one: set client_ca in \
         [tls]"
    );
    let neither = "[[auth.certificates]]\nname = \"a\"\n[[auth.certificates]]\nuri = \"b\"\n";
    let listed = try_config(&format!("{top}legacy = \"http://a:1\"\n{neither}"));
    let listed = listed.expect_err("both are incomplete").to_string();
    assert!(
        listed.contains("not exactly one of uri, dns, email and common_name"),
        "{listed}"
    );
    assert!(listed.contains("a certificate has no name"), "{listed}");
}
