//! One request, many replies.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;

use crate::envelope::codec::Json;
use crate::envelope::{Problem, problem};

/// Longest error body that is read for the end of a stream, in bytes.
const MAX_ERROR: usize = 64 * 1024;

/// Found in the extensions of a response: each data frame of its body is one
/// reply record. Over plain HTTP the frames are simply the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplyStream;

/// How a reply stream ended, found in the extensions of a response beside
/// [`ReplyStream`].
///
/// It is set before the body yields its last frame where that frame is a
/// problem document instead of a reply: whoever reads the body asks
/// [`problem`](ReplyEnd::problem) after each frame, without looking ahead.
#[derive(Clone, Debug, Default)]
pub struct ReplyEnd(Arc<OnceLock<Problem>>);

impl ReplyEnd {
    /// Marks the frame about to be yielded as the stream's end by `problem`.
    pub fn fail(&self, problem: Problem) {
        // a stream fails once: the first problem stays
        let _ = self.0.set(problem);
    }

    /// The problem that ended the stream: the frame just read is its document.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.0.get()
    }
}

type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Box<Response>>> + Send>>;

/// Many replies to one request, each a `T` in JSON.
///
/// Over Kafka each is one reply record. Over plain HTTP the response is
/// newline-delimited JSON, one line for each. A stream that fails ends with a
/// problem document: the last record, or the last line.
///
/// Items are taken one by one, as fast as the caller reads.
///
/// ```
/// use futures_util::stream;
/// use ipc_core::response::Replies;
///
/// async fn countdown() -> Replies<u32> {
///     Replies::new(stream::iter([3, 2, 1]))
/// }
/// ```
#[must_use = "replies are sent only where they are returned"]
pub struct Replies<T> {
    items: Items<T>,
}

impl<T: 'static> Replies<T> {
    /// Replies that cannot fail once they have begun.
    pub fn new<S>(items: S) -> Self
    where
        S: Stream<Item = T> + Send + 'static,
    {
        Self {
            items: Box::pin(items.map(Ok)),
        }
    }

    /// Replies of which one may be an error, which ends the stream: its response
    /// becomes the problem document at the end.
    ///
    /// A response that is a problem document itself is sent as it is; of others
    /// the status is kept, and a text as the problem's detail.
    pub fn fallible<S, E>(items: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        E: IntoResponse,
    {
        Self {
            items: Box::pin(
                items.map(|item| item.map_err(|error| Box::new(error.into_response()))),
            ),
        }
    }
}

impl<T> fmt::Debug for Replies<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").finish_non_exhaustive()
    }
}

impl<T> IntoResponse for Replies<T>
where
    T: Serialize + Send + 'static,
{
    fn into_response(self) -> Response {
        let end = ReplyEnd::default();
        let frames = frames(self.items, end.clone());
        let mut response = Response::new(Body::from_stream(frames));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-ndjson"),
        );
        response.extensions_mut().insert(ReplyStream);
        response.extensions_mut().insert(end);
        response
    }
}

/// One line for each item, and one for the problem that ends them.
fn frames<T>(items: Items<T>, end: ReplyEnd) -> impl Stream<Item = Result<Bytes, Infallible>> + Send
where
    T: Serialize + Send + 'static,
{
    stream::unfold(Some(items), move |items| {
        let end = end.clone();
        async move {
            let mut items = items?;
            let problem = match items.next().await? {
                Ok(item) => match Json::write(&item) {
                    Ok(json) => return Some((Ok(line(json)), Some(items))),
                    Err(error) => unwritable(&error),
                },
                Err(response) => problem_of(*response).await,
            };
            let last = line(problem.to_json().into());
            end.fail(problem);
            Some((Ok(last), None))
        }
    })
}

fn line(mut json: Vec<u8>) -> Bytes {
    json.push(b'\n');
    json.into()
}

fn unwritable(error: &impl fmt::Display) -> Problem {
    Problem::new("reply-unwritable", "a reply cannot be written", 500)
        .with_private(error.to_string())
}

/// What an error response says, as a problem.
async fn problem_of(response: Response) -> Problem {
    let status = match response.status() {
        status if status.is_client_error() || status.is_server_error() => status,
        // an error that calls itself a success is still the end
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| {
            value
                .as_bytes()
                .starts_with(problem::CONTENT_TYPE.as_bytes())
        });
    let body = to_bytes(response.into_body(), MAX_ERROR)
        .await
        .unwrap_or_default();
    if is_problem && let Ok(problem) = serde_json::from_slice(&body) {
        return problem;
    }
    let problem = Problem::new("stream-failed", "the stream failed", status.as_u16());
    match std::str::from_utf8(&body) {
        Ok(text) if !text.is_empty() => problem.with_detail(text),
        _ => problem,
    }
}

#[cfg(test)]
mod tests {
    use axum::Json as AxumJson;
    use http_body_util::BodyExt;

    use super::*;

    /// The body's frames as text, each with the problem known after it.
    async fn read<T>(replies: Replies<T>) -> Vec<(String, Option<Problem>)>
    where
        T: Serialize + Send + 'static,
    {
        let response = replies.into_response();
        assert!(response.extensions().get::<ReplyStream>().is_some());
        let end = response.extensions().get::<ReplyEnd>().cloned().unwrap();
        let mut body = response.into_body();
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            let text = String::from_utf8(data.to_vec()).unwrap();
            frames.push((text, end.problem().cloned()));
        }
        frames
    }

    fn texts(frames: &[(String, Option<Problem>)]) -> Vec<&str> {
        frames.iter().map(|(text, _)| &**text).collect()
    }

    #[tokio::test]
    async fn each_reply_is_one_frame_and_one_line() {
        let frames = read(Replies::new(stream::iter(["a", "b\nc"]))).await;
        assert_eq!(texts(&frames), ["\"a\"\n", "\"b\\nc\"\n"]);
        assert!(frames.iter().all(|(_, problem)| problem.is_none()));
    }

    #[tokio::test]
    async fn an_empty_stream_has_no_frame_and_succeeds() {
        let response = Replies::new(stream::empty::<u8>()).into_response();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/x-ndjson"
        );
        assert_eq!(read(Replies::new(stream::empty::<u8>())).await, []);
    }

    #[tokio::test]
    async fn an_error_is_the_last_frame_and_known_when_it_is_read() {
        let items = [Ok(1), Err((StatusCode::CONFLICT, "taken")), Ok(2)];
        let frames = read(Replies::fallible(stream::iter(items))).await;
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0], ("1\n".to_owned(), None));
        let problem = frames[1].1.clone().unwrap();
        assert_eq!((problem.status, problem.name()), (409, "stream-failed"));
        assert_eq!(problem.detail.as_deref(), Some("taken"));
        let line: Problem = serde_json::from_str(&frames[1].0).unwrap();
        assert_eq!(line, problem);
    }

    #[tokio::test]
    async fn a_problem_document_ends_the_stream_as_it_is() {
        let problem = Problem::new("sold-out", "sold out", 410).with_detail("since noon");
        let response = (
            StatusCode::GONE,
            [(header::CONTENT_TYPE, problem::CONTENT_TYPE)],
            problem.to_json(),
        );
        let items = [Err::<u8, _>(response)];
        let frames = read(Replies::fallible(stream::iter(items))).await;
        assert_eq!(frames[0].1, Some(problem));
    }

    #[tokio::test]
    async fn an_error_that_calls_itself_a_success_is_a_500() {
        let items = [Err::<u8, _>(AxumJson("fine?"))];
        let frames = read(Replies::fallible(stream::iter(items))).await;
        assert_eq!(
            frames[0].1.as_ref().map(|problem| problem.status),
            Some(500)
        );
    }

    #[tokio::test]
    async fn an_item_that_cannot_be_written_ends_the_stream_without_saying_why() {
        struct Unwritable;
        impl Serialize for Unwritable {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("secret"))
            }
        }
        let frames = read(Replies::new(stream::iter([Unwritable, Unwritable]))).await;
        assert_eq!(frames.len(), 1);
        assert!(!frames[0].0.contains("secret"));
        let problem = frames[0].1.as_ref().unwrap();
        assert_eq!(problem.name(), "reply-unwritable");
        assert!(problem.private().unwrap().contains("secret"));
    }

    #[test]
    fn the_first_problem_of_a_stream_stays() {
        let end = ReplyEnd::default();
        let seen_by_reader = end.clone();
        assert_eq!(seen_by_reader.problem(), None);
        end.fail(Problem::new("first", "first", 500));
        end.fail(Problem::new("second", "second", 503));
        assert_eq!(
            seen_by_reader.problem().map(|problem| problem.status),
            Some(500)
        );
    }
}
