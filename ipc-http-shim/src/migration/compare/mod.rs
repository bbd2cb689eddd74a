//! Whether two answers to one request are the same.

mod json;
mod pointer;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rules::Compare;
use json::JsonRules;
use pointer::Patterns;
pub(crate) use pointer::is_pointer;

/// Places that are noted of one pair of answers.
const MOST: usize = 16;

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// In what two answers differ first: the class a difference is counted under.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The status.
    Status,
    /// A header that is compared.
    Header,
    /// The JSON document.
    Json,
    /// The bytes of a body that is no JSON document on one side at least.
    Bytes,
}

/// One place where two answers differ.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// `status`, a header's name, `body`, or a JSON pointer into it.
    pub place: String,
    /// What the legacy upstream says there, as far as it may be shown.
    pub legacy: Option<String>,
    /// What the service says there, as far as it may be shown.
    pub kafka: Option<String>,
}

/// What a comparison found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Compared {
    Same,
    Different(Class, Vec<Difference>),
    /// They cannot be compared, and why.
    Not(&'static str),
}

/// Compares answers by one route's rules.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    headers: Vec<HeaderName>,
    json: JsonRules,
}

impl Comparison {
    pub(crate) fn new(rules: &Compare) -> Self {
        Self {
            headers: rules.headers.clone(),
            json: JsonRules {
                ignore: Patterns::new(&rules.ignore),
                show: Patterns::new(&rules.show),
                tolerance: rules.tolerance,
            },
        }
    }

    /// Compares two answers. The status comes first: behind another one, the rest is
    /// another matter.
    pub(crate) fn compare(&self, legacy: &Answered, kafka: &Answered) -> Compared {
        if legacy.status != kafka.status {
            let difference = Difference {
                place: "status".to_owned(),
                legacy: Some(legacy.status.as_u16().to_string()),
                kafka: Some(kafka.status.as_u16().to_string()),
            };
            return Compared::Different(Class::Status, vec![difference]);
        }
        let headers = self.headers(&legacy.headers, &kafka.headers);
        if !headers.is_empty() {
            return Compared::Different(Class::Header, headers);
        }
        self.bodies(legacy, kafka)
    }

    fn headers(&self, legacy: &HeaderMap, kafka: &HeaderMap) -> Vec<Difference> {
        let differing = self.headers.iter().filter(|name| {
            let (legacy, kafka) = (legacy.get_all(*name), kafka.get_all(*name));
            legacy.iter().ne(kafka.iter())
        });
        differing
            .take(MOST)
            .map(|name| Difference {
                place: name.to_string(),
                legacy: shape(legacy, name),
                kafka: shape(kafka, name),
            })
            .collect()
    }

    fn bodies(&self, legacy: &Answered, kafka: &Answered) -> Compared {
        if legacy.body == kafka.body {
            return Compared::Same;
        }
        if [legacy, kafka].map(|answer| answer.headers.contains_key(CONTENT_ENCODING)) != [false; 2]
        {
            return Compared::Not("a body is compressed");
        }
        let (Some(old), Some(new)) = (document(legacy), document(kafka)) else {
            let length = |answer: &Answered| Some(format!("{} bytes", answer.body.len()));
            let difference = Difference {
                place: "body".to_owned(),
                legacy: length(legacy),
                kafka: length(kafka),
            };
            return Compared::Different(Class::Bytes, vec![difference]);
        };
        match self.json.differences(&old, &new) {
            found if found.is_empty() => Compared::Same,
            found => Compared::Different(Class::Json, found),
        }
    }
}

/// What of a header a sample shows: a content type is the protocol's own, anything
/// else may be a secret.
fn shape(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if name == CONTENT_TYPE
        && let Ok(text) = first.to_str()
    {
        return Some(text.to_owned());
    }
    let (count, bytes) = values.fold((1, first.len()), |(count, bytes), value| {
        (count + 1, bytes + value.len())
    });
    Some(format!("{count} of {bytes} bytes"))
}

fn document(answer: &Answered) -> Option<Value> {
    let kind = answer.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json")
        || kind.to_ascii_lowercase().ends_with("+json");
    if !is_json {
        return None;
    }
    serde_json::from_slice(&answer.body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &'static str, body: &'static str) -> Answered {
        Answered {
            status: StatusCode::from_u16(status).expect("it is a status"),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().expect("it is a value"))]),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    fn class(legacy: &Answered, kafka: &Answered) -> Option<Class> {
        match Comparison::new(&Compare::default()).compare(legacy, kafka) {
            Compared::Different(class, _) => Some(class),
            Compared::Same | Compared::Not(_) => None,
        }
    }

    #[test]
    fn a_difference_is_of_the_first_class_that_applies() {
        let json = answer(200, "application/json", "{\"a\":1}");
        for (other, expected) in [
            (answer(200, "application/json", "{ \"a\": 1 }"), None),
            (answer(201, "application/json", "{}"), Some(Class::Status)),
            (answer(200, "text/plain", "{\"a\":1}"), Some(Class::Header)),
            (
                answer(200, "application/json", "{\"a\":2}"),
                Some(Class::Json),
            ),
            (answer(200, "application/json", "{"), Some(Class::Bytes)),
        ] {
            assert_eq!(class(&json, &other), expected, "{other:?}");
        }
    }

    #[test]
    fn a_header_is_never_shown_but_a_content_type() {
        let rules = Compare {
            headers: vec![http::header::SET_COOKIE],
            ..Compare::default()
        };
        let (mut legacy, kafka) = (answer(200, "a/b", ""), answer(200, "a/b", ""));
        let cookie = "session=secret".parse().expect("it is a value");
        legacy.headers.insert(http::header::SET_COOKIE, cookie);

        let Compared::Different(Class::Header, found) =
            Comparison::new(&rules).compare(&legacy, &kafka)
        else {
            panic!("a cookie is missing");
        };

        assert!(!format!("{found:?}").contains("secret"), "{found:?}");
    }

    #[test]
    fn compressed_bodies_are_not_compared() {
        let mut legacy = answer(200, "application/json", "x");
        let gzip = "gzip".parse().expect("it is a value");
        legacy.headers.insert(CONTENT_ENCODING, gzip);
        let kafka = answer(200, "application/json", "y");
        let found = Comparison::new(&Compare::default()).compare(&legacy, &kafka);
        assert!(matches!(found, Compared::Not(_)), "{found:?}");
    }
}
