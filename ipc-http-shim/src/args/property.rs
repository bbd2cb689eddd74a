//! A librdkafka property as a flag has it.

pub(super) fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        // Never the text itself, which may be a password.
        _ => Err("it is not a property: write NAME=VALUE".to_owned()),
    }
}
