//! Secrets, which stand in variables and files of their own: `${env:NAME}` and
//! `${file:/path}` in the places of their values.

use ipc_core::envelope::names::SENSITIVE;

use super::rewriting::Wrong;

/// What is shown in the place of a secret.
pub(super) const HIDDEN: &str = "***";

/// A value whose references are replaced.
pub(super) struct Resolved {
    pub(super) text: String,
    /// Whether there were any: it is a secret then, whatever it is called.
    pub(super) referred: bool,
}

/// Whether a property of librdkafka holds a secret, rather than the place of one.
pub(super) fn is_secret_property(name: &str) -> bool {
    let telling = [
        "password",
        "passphrase",
        "secret",
        "token",
        "jaas",
        ".pem",
        "oauthbearer.config",
    ];
    let places = [".location", ".file", ".url"];
    let name = name.to_ascii_lowercase();
    let is_public = name == "ssl.ca.pem" || name == "ssl.certificate.pem";
    telling.iter().any(|word| name.contains(word))
        && !places.iter().any(|place| name.ends_with(place))
        && !is_public
}

/// Whether a header holds a credential where a route sets it on requests.
pub(super) fn is_secret_header(name: &str) -> bool {
    let telling = ["api-key", "apikey", "password", "secret", "token"];
    SENSITIVE.contains(&name) || telling.iter().any(|word| name.contains(word))
}

/// Replaces `${env:NAME}` by the variable and `${file:/path}` by the contents of
/// the file, without the end of its last line. `$${` stands for `${`.
///
/// # Errors
///
/// What is wrong with a reference, and its mend; never the text beside it.
pub(super) fn resolve(text: &str) -> Result<Resolved, Wrong> {
    let mut resolved = Resolved {
        text: String::with_capacity(text.len()),
        referred: false,
    };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            resolved.text.push_str(before);
            resolved.text.push_str("${");
            rest = after;
            continue;
        }
        let Some((reference, after)) = after.split_once('}') else {
            return Err((
                "a reference does not end".to_owned(),
                "write ${env:NAME} or ${file:/path}, and $${ for the text itself".to_owned(),
            ));
        };
        resolved.text.push_str(before);
        resolved.text.push_str(&look_up(reference)?);
        resolved.referred = true;
        rest = after;
    }
    resolved.text.push_str(rest);
    Ok(resolved)
}

/// The files that a text refers to.
pub(super) fn files(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.split("${file:").skip(1);
    behind.filter_map(|text| text.split_once('}').map(|(path, _)| path))
}

fn look_up(reference: &str) -> Result<String, Wrong> {
    match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|error| {
            let why = match error {
                std::env::VarError::NotPresent => "is not set",
                std::env::VarError::NotUnicode(_) => "is not UTF-8",
            };
            (
                format!("variable {name} {why}"),
                "set it, or name another".to_owned(),
            )
        }),
        Some(("file", path)) => {
            let mut text = std::fs::read_to_string(path).map_err(|error| {
                (
                    format!("file {path} cannot be read: {error}"),
                    "mend it, or name another".to_owned(),
                )
            })?;
            let line = text.strip_suffix('\n').unwrap_or(&text);
            let length = line.strip_suffix('\r').unwrap_or(line).len();
            text.truncate(length);
            Ok(text)
        }
        _ => Err((
            format!("${{{reference}}} refers to nothing"),
            "write ${env:NAME} or ${file:/path}, and $${ for the text itself".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_the_places_where_they_are_kept() {
        for name in [
            "sasl.password",
            "ssl.key.password",
            "ssl.keystore.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.jaas.config",
        ] {
            assert!(is_secret_property(name), "{name}");
        }
        for name in [
            "ssl.key.location",
            "ssl.ca.pem",
            "sasl.username",
            "sasl.kerberos.keytab",
            "sasl.oauthbearer.token.endpoint.url",
            "sasl.oauthbearer.assertion.private.key.file",
        ] {
            assert!(!is_secret_property(name), "{name}");
        }
        assert!(is_secret_header("authorization") && is_secret_header("x-api-key"));
        assert!(!is_secret_header("x-tenant") && !is_secret_header("idempotency-key"));
    }

    #[test]
    fn files_are_put_in_without_the_end_of_their_last_line() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "s3\ncret\r\n").expect("it is written");

        let text = format!("Basic ${{file:{}}}!", file.path().display());
        let Ok(resolved) = resolve(&text) else {
            panic!("the file is there");
        };

        assert!(resolved.referred);
        assert_eq!(resolved.text, "Basic s3\ncret!");
    }

    #[test]
    fn what_refers_to_nothing_is_told_without_the_text_beside_it() {
        for text in [
            "hunter2${env:IPC_NO_SUCH_VARIABLE}",
            "hunter2${file:no/such/file}",
            "hunter2${vault:x}",
            "hunter2${env:X",
        ] {
            let Err((what, mend)) = resolve(text) else {
                panic!("{text} refers to nothing");
            };
            assert!(!format!("{what}{mend}").contains("hunter2"), "{what}");
        }
    }

    #[test]
    fn a_doubled_sign_is_the_text_itself() {
        let resolved = resolve("a$${b} $c {d}").unwrap_or_else(|wrong| panic!("{wrong:?}"));

        assert!(!resolved.referred);
        assert_eq!(resolved.text, "a${b} $c {d}");
    }
}
