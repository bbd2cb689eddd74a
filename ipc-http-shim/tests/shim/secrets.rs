//! Secrets, which the file names and does not hold.

use axum::body::Body;
use http::Response;
use ipc_http_shim::config::{Override, Overrides, effective, load};
use tempfile::NamedTempFile;

use crate::support::{Fake, Running, get, text, try_config};

fn secret(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("it is written");
    file
}

#[test]
fn a_secret_in_plain_text_is_a_mistake_that_says_where_to_put_it_and_never_what_it_is() {
    let listed = try_config(
        "legacy = \"http://old:1\"\n\
         [kafka]\n\
         bootstrap.servers = \"a:1\"\n\
         sasl.password = \"hunter2\"\n\
         ssl.key.location = \"/etc/key.pem\"\n\
         [[routes]]\n\
         path = \"/a\"\n\
         mode = \"legacy\"\n\
         request_headers.set = { Authorization = \"Bearer hunter2\", x-plain = \"shown\" }\n\
         request_headers.add = { x-api-key = \"hunter2\" }\n",
    )
    .expect_err("three are in plain text")
    .to_string();

    let expected = "shim.toml:4:17: sasl.password in [kafka]: a secret stands here in plain text: \
         write \"${env:NAME}\" or \"${file:/path}\", or set KAFKA_SASL_PASSWORD\n\
         shim.toml:9:41: the value of header \"Authorization\" is a secret in plain text: \
         write \"${env:NAME}\" or \"${file:/path}\" in its place\n\
         shim.toml:10:37: the value of header \"x-api-key\" is a secret in plain text: \
         write \"${env:NAME}\" or \"${file:/path}\" in its place";
    assert_eq!(listed, expected);
}

#[test]
fn a_secret_on_a_flag_is_a_mistake_and_one_in_a_variable_is_not() {
    let over = |name: &str, value: &str| {
        let mut overrides = Overrides::default();
        overrides.kafka = vec![("sasl.password".to_owned(), Override::new(name, value))];
        load("shim.toml", "legacy = \"http://old:1\"", &overrides)
    };
    let file = secret("hunter2");

    let refused = over("--kafka", "hunter2").expect_err("it is in plain text");
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
    assert!(refused.to_string().starts_with("--kafka: "), "{refused}");

    let of_file = format!("${{file:{}}}", file.path().display());
    for (name, value) in [
        ("KAFKA_SASL_PASSWORD", "hunter2"),
        ("--kafka", of_file.as_str()),
    ] {
        let config = over(name, value).expect("it is in order");
        let found: Vec<_> = config.kafka.others().collect();
        assert_eq!(found, [("sasl.password", "hunter2")]);
    }
}

#[test]
fn what_is_referred_to_is_shown_nowhere_even_where_it_is_wrong() {
    let file = secret("hunter2\n");
    let path = file.path().display();
    let route = format!(
        "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n\
         request_headers.set = {{ x-any = \"${{file:{path}}}\" }}\n"
    );
    let wrong = format!(
        "[kafka]\nbootstrap.servers = \"a:1\"\nsocket.timeout.ms = \"${{file:{path}}}\"\n\
         sasl.mechanism = \"${{env:IPC_NO_SUCH_VARIABLE}}\"\n{route}"
    );
    let listed = try_config(&wrong).expect_err("it is no number").to_string();
    assert!(listed.contains("socket.timeout.ms = ***: "), "{listed}");
    assert!(
        listed.contains("sasl.mechanism in [kafka]: variable IPC_NO_SUCH_VARIABLE is not set"),
        "{listed}"
    );
    assert!(!listed.contains("hunter2"), "{listed}");

    let right = format!(
        "[kafka]\nbootstrap.servers = \"a:1\"\nclient.rack = \"${{file:{path}}}\"\n{route}"
    );
    let config = try_config(&right).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    let shown = effective("shim.toml", &right, &Overrides::default()).expect("it is in order");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("\"client.rack\" = \"***\"  # shim.toml:3\n"),
        "{shown}"
    );
    assert!(shown.contains("x-any = \"***\""), "{shown}");
}

#[tokio::test]
async fn a_header_is_sent_with_the_secret_it_refers_to() {
    let file = secret("t0ken\n");
    let fake = Fake::calls(|seen| async move {
        let sent = seen.head.headers["authorization"].as_bytes().to_vec();
        Ok(Response::new(Body::from(sent)))
    });
    let shim = Running::start(
        &format!(
            "[[routes]]\npath = \"/a\"\nservice = \"orders\"\n\
             request_headers.set = {{ authorization = \"Bearer ${{file:{}}}\" }}\n",
            file.path().display()
        ),
        fake,
    )
    .await;

    assert_eq!(text(shim.send(get("/a")).await).await, "Bearer t0ken");
}

#[test]
fn a_webhook_without_an_address_is_a_mistake_and_its_address_is_never_shown() {
    let text = |url: &str| {
        format!(
            "legacy = \"http://old:1\"\n[webhook]\n{url}\n\
             headers = {{ authorization = \"hunter2\" }}\n"
        )
    };
    let listed = try_config(&text("url = \"ftp://hunter2\"")).expect_err("it is no address");
    assert_eq!(
        listed.to_string(),
        "shim.toml:3:7: url is not the address of an HTTP server: write \"https://host/path\", or \
         \"http://host:port/path\"\n\
         shim.toml:4:29: the value of header \"authorization\" is a secret in plain text: \
         write \"${env:NAME}\" or \"${file:/path}\" in its place"
    );
    let listed = try_config(&text("")).expect_err("there is none");
    assert!(
        listed.to_string().contains("[webhook] has no url"),
        "{listed}"
    );

    let file = secret("http://hooks:1/hunter2\n");
    let text = format!(
        "legacy = \"http://old:1\"\n[webhook]\nurl = \"${{file:{}}}\"\n",
        file.path().display()
    );
    let shown = effective("shim.toml", &text, &Overrides::default()).expect("it is in order");
    assert!(shown.contains("url = \"***\"  # shim.toml:3"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
