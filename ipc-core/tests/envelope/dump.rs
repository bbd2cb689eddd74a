//! Record dumps: every header of a record with its bytes, as text.
//!
//! A dump holds cases (`===`), each with sections of records (`---`). Lines that
//! repeat a value in readable form are for people and not read.

use std::fmt::Write;

use bytes::Bytes;
use ipc_core::envelope::{Envelope, Headers};

pub(crate) struct Case {
    pub(crate) title: String,
    sections: Vec<(String, Vec<Record>)>,
}

pub(crate) struct Record {
    pub(crate) envelope: Envelope,
}

impl Case {
    pub(crate) fn section(&self, name: &str) -> &[Record] {
        let found = self.sections.iter().find(|(section, _)| section == name);
        found.map_or(&[], |(_, records)| records)
    }

    /// The one request of this case, where there is one.
    pub(crate) fn request(&self) -> Option<&Envelope> {
        self.section("request")
            .first()
            .map(|record| &record.envelope)
    }

    pub(crate) fn replies(&self) -> Vec<&Envelope> {
        let records = self.section("reply");
        records.iter().map(|record| &record.envelope).collect()
    }
}

pub(crate) fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("=== ") {
            cases.push(Case {
                title: title.to_owned(),
                sections: vec![(String::new(), Vec::new())],
            });
        } else if let Some(case) = cases.last_mut() {
            case.read(line);
        }
    }
    cases
}

impl Case {
    fn read(&mut self, line: &str) {
        if let Some(section) = line.strip_prefix("--- ") {
            self.sections.push((section.to_owned(), Vec::new()));
            return;
        }
        let (_, records) = self.sections.last_mut().expect("a case has a section");
        if line.starts_with("record ") {
            let envelope = Envelope::default();
            records.push(Record { envelope });
        } else if let Some(record) = records.last_mut() {
            record.read(line);
        }
    }
}

impl Record {
    fn read(&mut self, line: &str) {
        let envelope = &mut self.envelope;
        if let Some(key) = line.strip_prefix("  key: ") {
            envelope.key = value(key);
        } else if let Some(payload) = line.strip_prefix("  value: ") {
            envelope.payload = value(payload);
        } else if let Some(header) = line.strip_prefix("    ")
            && let Some((name, text)) = header.rsplit_once(": ")
            && (text == "null" || text.contains(" bytes, hex "))
        {
            envelope.headers.push_value(name, value(text));
        }
    }
}

/// `null`, or `<length> bytes, hex <digits>`.
fn value(text: &str) -> Option<Bytes> {
    let (length, digits) = text.split_once(" bytes, hex ")?;
    let bytes: Vec<u8> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("a dump is ASCII");
            u8::from_str_radix(pair, 16).expect("a dump has hexadecimal digits")
        })
        .collect();
    assert_eq!(length.parse(), Ok(bytes.len()), "{text}");
    Some(bytes.into())
}

/// The headers whose names `keep` accepts, in order.
pub(crate) fn only(headers: &Headers, keep: impl Fn(&str) -> bool) -> Vec<(String, Option<Bytes>)> {
    headers
        .iter()
        .filter(|header| keep(&header.name))
        .map(|header| (header.name.to_string(), header.value.clone()))
        .collect()
}
/// A record in the form that [`parse`] reads.
pub(crate) fn format(place: &str, envelope: &Envelope) -> String {
    let mut text = format!("record {place}\n");
    line(&mut text, "  ", "key", envelope.key.as_ref());
    line(&mut text, "  ", "value", envelope.payload.as_ref());
    text.push_str("  headers (in record order):\n");
    for header in &envelope.headers {
        line(&mut text, "    ", &header.name, header.value.as_ref());
    }
    text
}

fn line(text: &mut String, indent: &str, name: &str, value: Option<&Bytes>) {
    let Some(value) = value else {
        let _ = writeln!(text, "{indent}{name}: null");
        return;
    };
    let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let _ = writeln!(text, "{indent}{name}: {} bytes, hex {digits}", value.len());
    if let Ok(readable) = std::str::from_utf8(value)
        && readable.chars().all(|c| !c.is_control())
    {
        let _ = writeln!(text, "{indent}  utf8 {readable:?}");
    }
}
