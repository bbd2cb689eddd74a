//! One answer that is kept.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http::header::AGE;
use http::{HeaderMap, HeaderName, Response, StatusCode};
use http_cache_semantics::{BeforeRequest, CacheOptions, CachePolicy};

use super::judged::{Asked, answer_of, is_public};

/// What an answer takes beside what it says.
const OVERHEAD: usize = 512;

/// Headers of an answer that are about the request it was made for.
const OF_ONE_REQUEST: [HeaderName; 2] = [
    HeaderName::from_static("server-timing"),
    HeaderName::from_static("x-request-id"),
];

/// One answer that is kept.
#[derive(Debug)]
pub(super) struct Stored {
    /// When it may be given, and to what.
    policy: CachePolicy,
    /// Whether it is for everybody, whoever has asked for it.
    is_public: bool,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    weight: usize,
}

impl Stored {
    /// An answer to a request, where it may be given again for some time. One to a request
    /// that is of somebody in particular, only where it says that it is public.
    pub(super) fn of(
        asked: &Asked,
        answer: &Response<()>,
        body: &Bytes,
        now: SystemTime,
    ) -> Option<Self> {
        let judged = answer_of(answer)?;
        let is_public = is_public(&judged);
        let options = CacheOptions {
            // What does not say for how long it is good is not kept.
            cache_heuristic: 0.0,
            immutable_min_time_to_live: Duration::ZERO,
            ..CacheOptions::default()
        };
        let policy = CachePolicy::new_options(&asked.request, &judged, now, options);
        let may = is_public || !asked.is_personal;
        if !may || !policy.is_storable() || policy.is_stale(now) {
            return None;
        }
        let mut headers = answer.headers().clone();
        for name in OF_ONE_REQUEST {
            headers.remove(name);
        }
        // The policy has those of both again.
        let weight = OVERHEAD + body.len() + 2 * size(&headers) + size(asked.request.headers());
        Some(Self {
            policy,
            is_public,
            status: answer.status(),
            headers,
            body: body.clone(),
            weight,
        })
    }

    /// Whether it is an answer to this request, too.
    pub(super) fn fits(&self, asked: &Asked, now: SystemTime) -> bool {
        let may = self.is_public || !asked.is_personal;
        let found = || self.policy.before_request(&asked.request, now);
        may && matches!(found(), BeforeRequest::Fresh(_))
    }

    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        !self.policy.is_stale(now)
    }

    /// The answer, with how old it is.
    pub(super) fn answer(&self, now: SystemTime) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        let age = self.policy.age(now).as_secs();
        response.headers_mut().insert(AGE, age.into());
        response
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }
}

fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn asked(headers: &[(&'static str, &'static str)]) -> Asked {
        let mut request = Request::get("/a");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        super::super::judged::request_of(&head).unwrap()
    }

    fn answer(headers: &[(&'static str, &'static str)]) -> Response<()> {
        let mut response = Response::builder();
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap()
    }

    fn kept(headers: &[(&'static str, &'static str)], is_personal: bool) -> bool {
        let now = SystemTime::now();
        let mut asked = asked(&[]);
        asked.is_personal = is_personal;
        Stored::of(&asked, &answer(headers), &Bytes::new(), now).is_some()
    }

    #[test]
    fn only_what_says_for_how_long_it_is_good_for_everybody_is_kept() {
        for rules in ["max-age=5", "Public, Max-Age=5", "s-maxage=5, max-age=0"] {
            assert!(kept(&[("cache-control", rules)], false), "{rules}");
        }
        for rules in [
            "private, max-age=5",
            "Private, max-age=5",
            "no-store, max-age=5",
            "no-cache, max-age=5",
            "max-age=0",
            "public",
            "immutable",
        ] {
            assert!(!kept(&[("cache-control", rules)], false), "{rules}");
        }
        assert!(!kept(
            &[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")],
            false
        ));
        for other in [
            ("set-cookie", "a=b"),
            ("vary", "*"),
            ("age", "18446744073709551615"),
        ] {
            assert!(
                !kept(&[("cache-control", "max-age=5"), other], false),
                "{other:?}"
            );
        }
        let twice = [("cache-control", "max-age=5"), ("cache-control", "private")];
        assert!(!kept(&twice, false));
    }

    #[test]
    fn what_somebody_in_particular_asked_for_must_be_public() {
        for (rules, may) in [
            ("max-age=5", false),
            ("must-revalidate, max-age=5", false),
            ("s-maxage=5", false),
            ("max-age=5, PUBLIC", true),
        ] {
            assert_eq!(kept(&[("cache-control", rules)], true), may, "{rules}");
        }
    }

    #[test]
    fn it_answers_what_asks_for_the_same_as_long_as_it_is_fresh() {
        let now = SystemTime::now();
        let told = answer(&[
            ("cache-control", "max-age=5"),
            ("vary", "accept, x-a"),
            ("x-b", "1"),
            ("x-b", "2"),
            ("age", "1"),
        ]);
        let same = [
            ("accept", "text/plain"),
            ("accept", "text/html"),
            ("x-c", "1"),
        ];
        let body = Bytes::from_static(b"told");
        let stored = Stored::of(&asked(&same), &told, &body, now).unwrap();

        assert!(stored.fits(&asked(&same[..2]), now + SECOND));
        assert!(!stored.fits(&asked(&same[..1]), now));
        assert!(!stored.fits(&asked(&same), now + 4 * SECOND));
        let mut personal = asked(&same);
        personal.is_personal = true;
        assert!(!stored.fits(&personal, now));
        assert!(!stored.fits(
            &asked(&[same[0], same[1], ("cache-control", "No-Cache")]),
            now
        ));
        let again = stored.answer(now + 2 * SECOND);
        assert_eq!(again.headers()["age"], "3");
        assert_eq!(again.headers().get_all("x-b").iter().count(), 2);
    }

    proptest! {
        #[test]
        fn no_header_of_a_service_or_a_client_makes_it_panic(
            name in prop::sample::select(vec![
                "cache-control", "vary", "age", "date", "expires", "last-modified", "warning", "pragma",
            ]),
            value in "[ -~]{0,40}|[a-z-]{0,10}=[0-9]{0,25}(, ?[a-z]{1,10}=\"?[0-9]{0,25}\"?)?|[0-9]{1,30}",
            of_request in any::<bool>(),
        ) {
            let value = HeaderValue::try_from(value).unwrap();
            let mut request = asked(&[]);
            let mut response = answer(&[("cache-control", "max-age=9")]);
            let headers = if of_request { request.request.headers_mut() } else { response.headers_mut() };
            headers.append(name, value);
            let now = SystemTime::now();
            let body = Bytes::new();
            if let Some(stored) = Stored::of(&request, &response, &body, now) {
                let later = now + Duration::from_secs(1 << 33);
                let _ = (stored.fits(&request, later), stored.answer(later), stored.is_fresh(later));
            }
        }
    }
}
