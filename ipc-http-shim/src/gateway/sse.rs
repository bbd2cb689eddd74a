//! Server-sent events as the HTML standard writes them.

use std::fmt;

use bytes::Bytes;
use ipc_core::envelope::Problem;

/// What an event stream is called in `content-type`.
pub(super) const CONTENT_TYPE: &str = "text/event-stream";

/// A comment that keeps the connection in use.
pub(super) const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// One reply record as an event. A line feed at its end is that of
/// newline-delimited JSON, and no part of the reply.
pub(super) fn record(id: impl fmt::Display, text: &str) -> Bytes {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut event = format!("id: {id}\n");
    push_data(&mut event, text);
    event.into()
}

/// The end of a stream that went wrong.
pub(super) fn error(problem: &Problem) -> Bytes {
    let mut event = "event: error\n".to_owned();
    push_data(&mut event, &String::from_utf8_lossy(&problem.to_json()));
    event.into()
}

/// One `data` line for each line of the text, and the event's end. A reader
/// joins them with a line feed, whichever way the lines were ended.
fn push_data(event: &mut String, text: &str) {
    let mut rest = text;
    loop {
        let end = rest.find(['\n', '\r']);
        event.push_str("data: ");
        event.push_str(&rest[..end.unwrap_or(rest.len())]);
        event.push('\n');
        let Some(end) = end else { break };
        let ended_by = if rest[end..].starts_with("\r\n") {
            2
        } else {
            1
        };
        rest = &rest[end + ended_by..];
    }
    event.push('\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_is_an_event_with_its_position_as_id() {
        assert_eq!(record(7, "{\"a\":1}"), "id: 7\ndata: {\"a\":1}\n\n");
    }

    #[test]
    fn a_line_of_json_is_an_event_without_its_line_feed() {
        assert_eq!(record(7, "{\"a\":1}\n"), "id: 7\ndata: {\"a\":1}\n\n");
    }

    #[test]
    fn an_empty_record_is_still_an_event() {
        assert_eq!(record(0, ""), "id: 0\ndata: \n\n");
    }

    #[test]
    fn an_error_carries_its_problem() {
        let problem = Problem::new("moved", "the stream moved", 503);

        assert_eq!(
            error(&problem),
            "event: error\ndata: {\"type\":\"urn:ipc:problem:moved\",\"title\":\"the stream moved\",\"status\":503}\n\n"
        );
    }

    /// Reads the data of one event as the standard says.
    fn data_of(event: &str) -> String {
        let lines = event.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.collect::<Vec<_>>().join("\n")
    }

    proptest! {
        #[test]
        fn a_reader_gets_the_text_back_with_its_lines(text in "(?s)[ -~\n\r\u{e9}]{0,60}") {
            let event = String::from_utf8(record(1, &text).to_vec()).unwrap();

            let line = text.strip_suffix('\n').unwrap_or(&text);
            let normal = line.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(data_of(&event), normal);
            // Nothing but the end is an empty line.
            prop_assert_eq!(event.find("\n\n"), Some(event.len() - 2));
        }
    }
}
