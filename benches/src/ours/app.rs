use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt as _, stream};
use ipc_core::prelude::*;
use serde::{Deserialize, Serialize};

/// What is sent and answered: 256 bytes of JSON, where no work is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    text: String,
    /// How long a handler works on it, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    work: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(work: &u64) -> bool {
    *work == 0
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
            work: 0,
        }
    }

    /// One that takes a handler's time.
    pub(super) fn with_work(work: Duration) -> Self {
        Self {
            work: u64::try_from(work.as_millis()).unwrap_or(u64::MAX),
            ..Self::new()
        }
    }

    async fn handled(self) -> Json<Self> {
        if self.work > 0 {
            tokio::time::sleep(Duration::from_millis(self.work)).await;
        }
        Json(self)
    }
}

/// Answers what it is given.
#[endpoint(POST "/echo")]
pub(crate) async fn echo(Json(note): Json<Note>) -> Json<Note> {
    note.handled().await
}

/// The same, in the order of its key.
#[endpoint(POST "/keyed/{key}")]
pub(crate) async fn keyed(Path(_key): Path<usize>, Json(note): Json<Note>) -> Json<Note> {
    note.handled().await
}

/// The same, where work takes its time.
#[endpoint(POST "/slow")]
pub(crate) async fn slow(Json(note): Json<Note>) -> Json<Note> {
    note.handled().await
}

/// The same note again and again.
#[endpoint(GET "/notes/{count}", stream)]
pub(crate) async fn notes(Path(count): Path<u32>) -> Replies<Note> {
    let note = Note::new();
    Replies::new(stream::iter((0..count).map(move |_| note.clone())))
}

/// One note, and then nothing for as long as anybody listens.
#[endpoint(GET "/silence", stream)]
pub(crate) async fn silence() -> Replies<Note> {
    Replies::new(stream::once(async { Note::new() }).chain(stream::pending()))
}

/// Ten endpoints below one prefix.
fn ten() -> Result<App> {
    macro_rules! endpoints_at {
        ($($name:ident $path:literal),*) => {{
            $(
                #[endpoint(POST $path)]
                async fn $name(Json(note): Json<Note>) -> Json<Note> {
                    Json(note)
                }
            )*
            App::new().endpoints(endpoints![$($name),*])?
        }};
    }
    Ok(endpoints_at!(
        e0 "/0/{id}", e1 "/1/{id}", e2 "/2/{id}", e3 "/3/{id}", e4 "/4/{id}",
        e5 "/5/{id}", e6 "/6/{id}", e7 "/7/{id}", e8 "/8/{id}", e9 "/9/{id}"
    ))
}

/// Everything that is asked of a service here, and `more` endpoints, in tens,
/// that nobody asks for.
pub(crate) fn app(more: usize) -> Result<App> {
    let app = App::new().endpoints(endpoints![echo, keyed, slow, notes, silence])?;
    (0..more / 10).try_fold(app, |app, prefix| {
        Ok(app.nest(&format!("/p{prefix}"), ten()?))
    })
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

    #[test]
    fn a_thousand_endpoints_do_not_clash() {
        assert!(app(1000).is_ok());
    }
}
