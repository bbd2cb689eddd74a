//! What routes ask of their clients.

use axum::Router;
use http::{HeaderMap, StatusCode};
use ipc_http_shim::config::{Overrides, Question, effective, explain, load};

use super::bearing;
use crate::support::token::{ISSUER, Issuing, shown};
use crate::support::{Fake, Legacy, Running, get, running_config, text, try_config};

const ROUTES: &str = r#"
[[routes]]
path = "/open"
service = "orders"
auth = "none"

[[routes]]
path = "/default"
service = "orders"

[[routes]]
path = "/old"
mode = "legacy"
"#;

#[tokio::test]
async fn the_default_holds_for_routes_that_do_not_say_and_for_what_no_route_names() {
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let old = Legacy::start(Router::new().fallback(|| async { "old" })).await;
    let settings = format!("auth.default = \"jwt\"\n{auth}{ROUTES}");
    let fake = Fake::telling(|seen| seen.principal.is_some().to_string());
    let shim = Running::start_before(&settings, fake, old.address).await;

    assert_eq!(text(shim.send(get("/open")).await).await, "false");
    let token = issuing.token_of("ann", "");
    for (path, told) in [("/default", "true"), ("/old", "old"), ("/elsewhere", "old")] {
        let nobody = shim.send(get(path)).await;
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(text(shim.send(bearing(path, &token)).await).await, told);
    }
}

#[tokio::test]
async fn a_route_that_moves_asks_the_same_of_its_clients_on_both_sides() {
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let old = Legacy::start(Router::new().fallback(|| async { "old" })).await;
    for (stage, told) in [("legacy", "old"), ("kafka", "ann")] {
        let settings = format!(
            "{auth}[[routes]]\npath = \"/a\"\nservice = \"orders\"\nauth = \"jwt\"\n\
             migration.steps = [\"{stage}\"]\n"
        );
        let fake = Fake::telling(|seen| seen.principal.expect("it is").subject().to_owned());
        let shim = Running::start_before(&settings, fake, old.address).await;

        assert_eq!(
            shim.send(get("/a")).await.status(),
            StatusCode::UNAUTHORIZED
        );
        let token = issuing.token_of("ann", "");
        assert_eq!(text(shim.send(bearing("/a", &token)).await).await, told);
    }
}

#[tokio::test]
async fn what_a_route_asks_changes_with_the_configuration() {
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let open = "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n";
    let shim = Running::start(open, Fake::telling(|_| "in".to_owned())).await;
    assert_eq!(shim.send(get("/a")).await.status(), StatusCode::OK);

    let closed = running_config(&format!("{auth}{open}auth = \"jwt\"\n"));
    shim.live.change(&closed).expect("it can be changed");

    assert_eq!(
        shim.send(get("/a")).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let token = issuing.token_of("ann", "");
    assert_eq!(
        shim.send(bearing("/a", &token)).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_client_cannot_say_itself_who_it_is() {
    let fake = Fake::telling(|seen| {
        let named =
            |headers: &HeaderMap| headers.keys().any(|name| name.as_str().starts_with("ipc-"));
        format!("{} {}", named(&seen.head.headers), seen.principal.is_some())
    });
    let shim = Running::start("[[routes]]\npath = \"/a\"\nservice = \"orders\"\n", fake).await;

    let request = super::with("/a", "ipc-principal", "root");

    assert_eq!(text(shim.send(request).await).await, "false false");
}

#[test]
fn what_cannot_work_is_told_all_at_once() {
    let listed = try_config(
        "legacy = \"http://old:1\"\n\
         [auth]\n\
         default = \"jwt\"\n\
         [[auth.api_keys]]\n\
         name = \"a\"\n\
         sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n\
         [[auth.api_keys]]\n\
         name = \"a\"\n\
         sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n\
         [[auth.issuers]]\n\
         issuer = \"a\"\n\
         jwks = \"ftp://a\"\n\
         algorithms = [\"HS256\"]\n\
         [[routes]]\n\
         path = \"/a\"\n\
         mode = \"legacy\"\n\
         auth = \"none\"\n\
         scopes = [\"x\"]\n",
    )
    .expect_err("it cannot work")
    .to_string();

    let expected = [
        "shim.toml:3:11: default takes \"jwt\", and there is none: add [[auth.issuers]]",
        "shim.toml:4:1: two API keys are the same: make each client a key of its own",
        "shim.toml:4:1: two of api_keys are called \"a\": keep one, or give each a name of its own",
        "shim.toml:10:1: an issuer has no audience: write what stands in \"aud\": without it, \
         tokens for others would do here",
        "shim.toml:12:8: jwks \"ftp://a\" is not where keys are: write \"https://host/path\", or the \
         path of a file",
        "shim.toml:18:10: scopes are asked for, and anybody may call: say how clients prove who \
         they are, as in auth = \"jwt\"",
    ];
    for line in expected {
        assert!(listed.contains(line), "{line}\n---\n{listed}");
    }
}

#[test]
fn who_may_call_and_why_not_is_explained_and_shown() {
    let auth = "kafka.\"bootstrap.servers\" = \"a:1\"\nauth.default = \"jwt\"\n\
                [[auth.issuers]]\nissuer = \"https://id.example\"\naudience = \"orders-api\"\n\
                jwks = \"https://id.example/keys\"\n";
    let text_of = format!(
        "{auth}[[routes]]\npath = \"/a\"\nservice = \"orders\"\nscopes = [\"orders:read\"]\n\
         [[routes]]\npath = \"/b\"\nservice = \"orders\"\nauth = \"none\"\n"
    );
    let told = |path: &str| {
        let question = Question::parse("GET", path).expect("it can be asked");
        explain("shim.toml", &text_of, &Overrides::default(), &question).expect("it is in order")
    };

    let a = told("/a");
    assert!(
        a.contains(&format!(
            "may call: who shows a token of {ISSUER} (which goes on), else 401; from default of \
             [auth], shim.toml:2\n  and has the scopes orders:read, else 403\n"
        )),
        "{a}"
    );
    let b = told("/b");
    assert!(b.contains("may call: anybody, from shim.toml:14\n"), "{b}");

    let shown = effective("shim.toml", &text_of, &Overrides::default()).expect("it is in order");
    let read = load("shim.toml", &shown, &Overrides::default());
    let again = read.unwrap_or_else(|mistakes| panic!("{mistakes}\n{shown}"));
    let first = load("shim.toml", &text_of, &Overrides::default()).expect("it is in order");
    assert_eq!(again.auth, first.auth, "{shown}");
    assert_eq!(again.routes[0].scopes, ["orders:read"]);
}

#[tokio::test]
async fn a_rate_for_each_principal_follows_it_and_counts_nobody_else() {
    let issuing = Issuing::ed25519("ed");
    let (_file, auth) = shown(&[&issuing]);
    let settings = format!(
        "limits.rate.principal = \"2/h\"\n{auth}[[routes]]\npath = \"/a\"\nservice = \"orders\"\n\
         auth = \"jwt\"\n[[routes]]\npath = \"/open\"\nservice = \"orders\"\nauth = \"none\"\n"
    );
    let shim = Running::start(&settings, Fake::telling(|_| "served".to_owned())).await;
    let status = async |token: &str| shim.send(bearing("/a", token)).await.status();

    // Another token of hers, with other scopes, is still hers.
    for scopes in ["", "orders:write"] {
        let token = issuing.token_of("ann", scopes);
        assert_eq!(status(&token).await, StatusCode::OK);
    }
    let refused = shim.send(bearing("/a", &issuing.token_of("ann", ""))).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let policy = &refused.headers()["ratelimit-policy"];
    assert_eq!(policy, "\"gateway-principal\";q=2;w=3600");
    assert_eq!(status(&issuing.token_of("bob", "")).await, StatusCode::OK);
    for _ in 0..3 {
        let open = shim.send(get("/open")).await;
        assert_eq!(open.status(), StatusCode::OK);
        assert!(!open.headers().contains_key("ratelimit"));
    }
}

#[test]
fn a_rate_for_each_principal_where_anybody_may_call_is_a_mistake() {
    let listed =
        try_config("[[routes]]\npath = \"/a\"\nservice = \"orders\"\nrate.principal = \"1/s\"\n");
    let listed = listed.expect_err("it counts nobody").to_string();
    assert!(listed.contains("anybody may call"), "{listed}");
    assert!(listed.contains("auth = \"jwt\""), "{listed}");
}
