//! How long a client wants to wait for its answer (RFC 7240).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::list::split;

pub(super) const PREFER: HeaderName = HeaderName::from_static("prefer");
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What a client says of that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Preference {
    respond_async: bool,
    /// In seconds.
    wait: Option<u32>,
}

impl Preference {
    /// That of a request with these headers, where it has one. Of a preference that is
    /// there twice the first counts, and one that cannot be read does not.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let (mut respond_async, mut wait) = (None, None);
        let values = headers.get_all(PREFER).into_iter();
        for preference in values.flat_map(|value| split(value.as_bytes(), b',')) {
            // What follows is for preferences that have parameters.
            let preference = split(preference, b';').next().unwrap_or_default();
            let mut parts = preference.splitn(2, |byte| *byte == b'=');
            let name = parts.next().unwrap_or_default().trim_ascii();
            if name.eq_ignore_ascii_case(b"respond-async") {
                respond_async.get_or_insert(true);
            } else if name.eq_ignore_ascii_case(b"wait") && wait.is_none() {
                wait = parts.next().and_then(seconds);
            }
        }
        let respond_async = respond_async.unwrap_or_default();
        (respond_async || wait.is_some()).then_some(Self {
            respond_async,
            wait,
        })
    }

    /// How long it is waited, and never longer than `most`.
    pub(super) fn wait(self, most: Duration) -> Duration {
        let wait = self.wait.map_or(0, u64::from);
        Duration::from_secs(wait).min(most)
    }

    /// Says in an answer what of it was heeded.
    pub(super) fn tell<B>(self, response: &mut Response<B>) {
        let accepted = response.status() == StatusCode::ACCEPTED;
        let wait = self.wait.map(|seconds| format!("wait={seconds}"));
        let told = match (self.respond_async && accepted, wait) {
            (true, Some(wait)) => format!("respond-async, {wait}"),
            (true, None) => "respond-async".to_owned(),
            (false, Some(wait)) => wait,
            (false, None) => return,
        };
        let Ok(told) = HeaderValue::from_str(&told) else {
            return;
        };
        // Beside what the service may have heeded.
        response.headers_mut().append(APPLIED, told);
    }
}

fn seconds(value: &[u8]) -> Option<u32> {
    let value = value.trim_ascii();
    let unquoted = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let digits = unquoted.unwrap_or(value);
    let plain = digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| plain)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Option<(bool, Option<u32>)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, value.parse().expect("it is a value"));
        }
        let preference = Preference::of(&headers)?;
        Some((preference.respond_async, preference.wait))
    }

    #[test]
    fn preferences_are_found_among_others_however_they_are_written() {
        for (values, found) in [
            (&["respond-async"][..], Some((true, None))),
            (&["Respond-Async, WAIT=10"], Some((true, Some(10)))),
            (&["wait = \"7\""], Some((false, Some(7)))),
            (
                &["return=minimal; x=\"wait=1\", wait=2"],
                Some((false, Some(2))),
            ),
            (
                &["foo=\"a, wait=1\\\", respond-async\", wait=3"],
                Some((false, Some(3))),
            ),
            (&["wait=5, wait=6", "respond-async"], Some((true, Some(5)))),
            (&["respond-async; foo"], Some((true, None))),
            (&["return=minimal"], None),
            (&["wait", "wait=", "wait=-1", "wait=1.5", "wait=+1"], None),
            (&["wait=99999999999999999999"], None),
            (&["\"respond-async"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(of(values), found, "{values:?}");
        }
    }

    #[test]
    fn it_is_waited_as_long_as_both_sides_want() {
        let second = Duration::from_secs(1);
        let wait = |wait| {
            let preference = Preference {
                respond_async: true,
                wait,
            };
            preference.wait(second * 30)
        };
        assert_eq!(wait(None), Duration::ZERO);
        assert_eq!(wait(Some(5)), second * 5);
        assert_eq!(wait(Some(u32::MAX)), second * 30);
    }
}
