use ipc_core::prelude::*;
use serde::{Deserialize, Serialize};

/// What is sent and answered: 256 bytes of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    text: String,
}

/// A [`Note`] as it is written; what is sent where nobody knows JSON.
pub(crate) const BODY: &str = concat!(
    r#"{"text":""#,
    "a note of a size that is common in the wild, filled up with letters to be 256 bytes long in JSON; ",
    "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789",
    "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abc",
    r#""}"#
);

impl Note {
    pub(crate) fn new() -> Self {
        let text = BODY.trim_start_matches(r#"{"text":""#);
        Self {
            text: text.trim_end_matches(r#""}"#).to_owned(),
        }
    }
}

/// Answers what it is given.
#[endpoint(POST "/echo")]
pub(crate) async fn echo(Json(note): Json<Note>) -> Json<Note> {
    Json(note)
}

/// Everything that is asked of a service here.
pub(super) fn app() -> anyhow::Result<App> {
    Ok(App::new().endpoints(endpoints![echo])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_256_bytes_of_json() {
        assert_eq!(BODY.len(), 256);
        let written = serde_json::to_string(&Note::new()).expect("a note is JSON");
        assert_eq!(written, BODY);
    }
}
