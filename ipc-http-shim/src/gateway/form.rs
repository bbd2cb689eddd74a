//! The form in which a client wants a reply stream (RFC 9110, 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

use super::list::split;
use super::{ndjson, sse};

/// What a reply stream is told as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Server-sent events.
    Events,
    /// Newline-delimited JSON, by this one of its names.
    Lines(&'static str),
    /// The bytes of all records.
    Bytes,
}

/// Of those that a client likes alike the first is taken.
const OFFERED: [Form; 5] = {
    let [lines, plain, other] = ndjson::CONTENT_TYPES;
    [
        Form::Events,
        Form::Lines(lines),
        Form::Lines(plain),
        Form::Lines(other),
        Form::Bytes,
    ]
};

impl Form {
    /// What a request with these headers asks for; events where that is nothing of these.
    pub(super) fn asked(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).into_iter();
        let ranges = values.flat_map(|value| split(value.as_bytes(), b','));
        let ranges: Vec<_> = ranges.filter_map(Range::read).collect();
        let liked = OFFERED.into_iter().filter_map(|form| {
            let matching = ranges.iter().filter_map(|range| range.matching(form));
            // The closest range decides how much it is liked.
            let (closeness, quality) = matching.max()?;
            (quality > 0).then_some((quality, closeness, form))
        });
        // The last one of the most liked, which is the first offered.
        let most = liked
            .rev()
            .max_by_key(|(quality, closeness, _)| (*quality, *closeness));
        most.map_or(Self::Events, |(_, _, form)| form)
    }

    /// What it is called in `content-type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Events => sse::CONTENT_TYPE,
            Self::Lines(name) => name,
            Self::Bytes => "application/octet-stream",
        }
    }
}

/// How closely a range names a media type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Closeness {
    Anything,
    Kind,
    Name,
}

/// Media types that a client takes, and how much it likes them, in thousandths.
struct Range<'v> {
    types: &'v [u8],
    quality: u16,
}

impl<'v> Range<'v> {
    /// `None` where it cannot be read. Parameters that no form has are not looked at.
    fn read(range: &'v [u8]) -> Option<Self> {
        let mut parts = split(range, b';').map(<[u8]>::trim_ascii);
        let types = parts.next()?;
        let weight = parts.find_map(|part| {
            let (name, value) = part.split_at_checked(2)?;
            name.eq_ignore_ascii_case(b"q=").then_some(value)
        });
        let quality = weight.map_or(Some(1000), quality)?;
        Some(Self { types, quality })
    }

    fn matching(&self, form: Form) -> Option<(Closeness, u16)> {
        let name = form.content_type();
        let closeness = if self.types.eq_ignore_ascii_case(name.as_bytes()) {
            Closeness::Name
        } else if self.types == b"*/*" {
            Closeness::Anything
        } else {
            let kind = self.types.strip_suffix(b"*")?;
            let of_form = name.as_bytes().get(..kind.len())?;
            let is_kind = kind.ends_with(b"/") && kind.eq_ignore_ascii_case(of_form);
            is_kind.then_some(Closeness::Kind)?
        };
        Some((closeness, self.quality))
    }
}

/// A weight from `0` to `1`, with up to three digits behind the point.
fn quality(value: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let is_weight = matches!(whole, "0" | "1")
        && digits.len() <= 3
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    let thousandths = is_weight.then(|| format!("{whole}{digits:0<3}").parse());
    thousandths?.ok().filter(|quality| *quality <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: Form = Form::Lines("application/x-ndjson");

    fn asked(values: &[&str]) -> Form {
        let values = values
            .iter()
            .map(|value| value.parse().expect("it is a value"));
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, value);
        }
        Form::asked(&headers)
    }

    #[test]
    fn a_form_is_taken_that_is_asked_for_by_name() {
        for (value, form) in [
            ("text/event-stream", Form::Events),
            ("application/x-ndjson", LINES),
            ("Application/X-NDJSON; charset=utf-8", LINES),
            ("application/ndjson", Form::Lines("application/ndjson")),
            ("application/jsonl", Form::Lines("application/jsonl")),
            ("application/octet-stream", Form::Bytes),
            ("application/x-ndjson, */*", LINES),
        ] {
            assert_eq!(asked(&[value]), form, "{value}");
        }
        assert_eq!(asked(&["text/html", "application/x-ndjson"]), LINES);
    }

    #[test]
    fn the_form_that_is_liked_most_is_taken() {
        for (value, form) in [
            ("text/event-stream;q=0.5, application/x-ndjson", LINES),
            (
                "text/event-stream, application/x-ndjson;q=0.5",
                Form::Events,
            ),
            (
                "application/x-ndjson;q=0.8, application/octet-stream;q=0.81",
                Form::Bytes,
            ),
            (
                "application/x-ndjson;Q=0.001, application/octet-stream;q=0",
                LINES,
            ),
            ("application/x-ndjson;q=0.2, */*;q=0.1", LINES),
            ("application/x-ndjson;q=0.1, */*;q=0.2", Form::Events),
            ("text/event-stream;q=0, */*", LINES),
            ("text/*;q=0.3, application/*;q=0.4", LINES),
            (
                "application/*, application/x-ndjson;q=0",
                Form::Lines("application/ndjson"),
            ),
            (
                "a/b;x=\",application/x-ndjson;q=1\", application/jsonl;q=0.1",
                Form::Lines("application/jsonl"),
            ),
        ] {
            assert_eq!(asked(&[value]), form, "{value}");
        }
    }

    #[test]
    fn events_are_taken_where_nothing_else_is_asked_for() {
        for value in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json, text/plain, */*",
            "application/json",
            "application/x-ndjson, text/event-stream",
            "application/x-ndjson;q=0",
            "application/x-ndjson;q=2",
            "application/x-ndjson;q=1.001",
            "application/x-ndjson;q=0.1234",
            "application/x-ndjson;q=+1",
            "application/x-ndjson;q=",
            "application*",
            "application/x-ndjsonl",
            "*",
        ] {
            assert_eq!(asked(&[value]), Form::Events, "{value}");
        }
        assert_eq!(asked(&[]), Form::Events);
    }
}
