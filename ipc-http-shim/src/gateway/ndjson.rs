//! Newline-delimited JSON.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use ipc_core::envelope::Problem;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// What it is called in `content-type`.
pub(super) const CONTENT_TYPES: [&str; 3] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
];

/// One reply record as a line: JSON as it is written, other text as a string, and anything
/// else in base64 as `{"base64":".."}`.
pub(super) fn record(payload: &[u8]) -> Bytes {
    match std::str::from_utf8(payload) {
        // Neither numbers nor names that are there twice come to harm.
        Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            let text = text.trim_matches([' ', '\t', '\n', '\r']);
            // Strings have none, so that it is space between values.
            line(text.replace(['\n', '\r'], " "))
        }
        Ok(text) => line(Value::from(text).to_string()),
        Err(_) => {
            let base64 = BASE64_STANDARD.encode(payload);
            line(json!({ "base64": base64 }).to_string())
        }
    }
}

/// The end of a stream that went wrong. Its one name is nobody else's.
pub(super) fn error(problem: &Problem) -> Bytes {
    let problem = problem.to_json();
    let problem = String::from_utf8_lossy(&problem);
    line(format!("{{\"urn:ipc:problem\":{problem}}}"))
}

fn line(mut json: String) -> Bytes {
    json.push('\n');
    json.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_keeps_the_way_it_is_written() {
        for (payload, line) in [
            ("{\"n\": 1.0}", "{\"n\": 1.0}\n"),
            (" {\"n\":1,\"n\":2}\r\n", "{\"n\":1,\"n\":2}\n"),
            ("[\n  1e999,\r\n\t\"\\n\"\r]", "[   1e999,  \t\"\\n\" ]\n"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890\n",
            ),
        ] {
            assert_eq!(record(payload.as_bytes()), line, "{payload}");
        }
    }

    #[test]
    fn what_is_no_json_is_a_string_or_base64() {
        for (payload, line) in [
            (&b"two\nlines"[..], "\"two\\nlines\"\n"),
            (b"1\n2", "\"1\\n2\"\n"),
            (b"", "\"\"\n"),
            (b"\xef\xbb\xbf1", "\"\u{feff}1\"\n"),
            (b"\"\xff\"", "{\"base64\":\"Iv8i\"}\n"),
        ] {
            assert_eq!(record(payload), line, "{payload:?}");
        }
    }

    #[test]
    fn json_however_deep_is_one_line() {
        let deep = "[\n".repeat(10_000) + &"]".repeat(10_000);

        assert_eq!(record(deep.as_bytes()), deep.replace('\n', " ") + "\n");
    }

    #[test]
    fn an_end_tells_its_problem_by_a_name_of_its_own() {
        let problem = Problem::new("moved", "the stream\nmoved", 503);

        assert_eq!(
            error(&problem),
            "{\"urn:ipc:problem\":{\"type\":\"urn:ipc:problem:moved\",\
             \"title\":\"the stream\\nmoved\",\"status\":503}}\n"
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "(?s).{0,12}".prop_map(Value::from),
            "[\n\r\"\\\\ \u{2028}]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("(?s).{0,3}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    /// What the one line says that this is.
    fn read(line: &[u8]) -> Value {
        let (end, json) = line.split_last().expect("it is not empty");
        assert_eq!(*end, b'\n');
        assert!(!json.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
        serde_json::from_slice(json).expect("it is JSON")
    }

    proptest! {
        #[test]
        fn any_value_is_one_line_that_reads_back_the_same(
            value in value(),
            pretty in any::<bool>(),
            ended_by in "[ \t\r\n]{0,3}",
        ) {
            let written = if pretty { format!("{value:#}") } else { value.to_string() };
            // Within strings line feeds are escaped, so that these are space.
            let written = written.replace('\n', &format!("\n{ended_by}")) + &ended_by;
            let same: Value = serde_json::from_str(&written).expect("it is JSON");

            prop_assert_eq!(read(&record(written.as_bytes())), same);
        }

        #[test]
        fn any_bytes_are_one_line_that_says_them(
            payload in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..20),
                "[0-9\\[\\]{}\",:\n\r a]{0,8}".prop_map(String::into_bytes),
            ],
        ) {
            let said = read(&record(&payload));

            match serde_json::from_slice::<Value>(&payload) {
                Ok(value) => prop_assert_eq!(said, value),
                Err(_) => match std::str::from_utf8(&payload) {
                    Ok(text) => prop_assert_eq!(said, Value::from(text)),
                    Err(_) => {
                        let base64 = said["base64"].as_str().expect("it is text");
                        prop_assert_eq!(BASE64_STANDARD.decode(base64).expect("it is"), payload);
                    }
                },
            }
        }
    }
}
