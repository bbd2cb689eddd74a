//! Answers of services that may be given again (RFC 9111).
//!
//! `http-cache-semantics` knows the rules. What it would misread is put in order before it
//! sees it, and stored headers are given again as they came, with their repetitions.

mod judged;
pub(crate) mod metrics;
mod stored;

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Response, Uri, request};
use moka::ops::compute::Op;
use moka::sync::Cache;

use crate::config::Limits;
use judged::{Asked, request_of};
use metrics::CacheMetrics;
use stored::Stored;

/// How many answers to one target are kept, which differ by what they vary on.
const VARIANTS: usize = 8;

/// What an answer is found by.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    service: Arc<str>,
    host: Option<HeaderValue>,
    target: Uri,
}

type Variants = Arc<[Arc<Stored>]>;

/// The answers that are kept.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    kept: Cache<Key, Variants>,
    /// Bytes of all of them.
    most: usize,
    /// Bytes of one body.
    largest: usize,
    metrics: CacheMetrics,
}

/// A request for which nothing was found, so that its answer can be kept.
pub(crate) struct Missed {
    key: Key,
    asked: Asked,
}

/// What is there for a request.
pub(crate) enum Look {
    Hit(Response<Body>),
    Miss(Box<Missed>),
}

impl Answers {
    /// As many as `limits` say: those of `earlier`, where it keeps as many.
    pub(crate) fn new(limits: &Limits, metrics: &CacheMetrics, earlier: Option<&Self>) -> Self {
        let most = limits.cache;
        let kept = match earlier {
            Some(earlier) if earlier.most == most => earlier.kept.clone(),
            _ => Cache::builder()
                .max_capacity(most as u64)
                .weigher(|key: &Key, variants: &Variants| weight(key, variants))
                .build(),
        };
        Self {
            kept,
            most,
            largest: limits.cached_answer,
            metrics: metrics.clone(),
        }
    }

    /// What there is for a request on this route. `None` where it is not for a cache to answer.
    pub(crate) fn look(
        &self,
        route: &Arc<str>,
        service: &Arc<str>,
        head: &request::Parts,
    ) -> Option<Look> {
        let asked = request_of(head)?;
        let key = Key::of(service, head);
        let now = SystemTime::now();
        let variants = self.kept.get(&key);
        let mut fitting = variants.iter().flat_map(|variants| variants.iter());
        let fitting = fitting.find(|stored| stored.fits(&asked, now));
        let answer = fitting.map(|stored| stored.answer(now));
        self.metrics.looked(route, answer.is_some());
        Some(match answer {
            Some(answer) => Look::Hit(answer),
            None => Look::Miss(Box::new(Missed { key, asked })),
        })
    }

    /// Keeps an answer, where it may be given again.
    pub(crate) fn keep(&self, missed: Missed, answer: &Response<()>, body: &Bytes) {
        let Missed { key, asked } = missed;
        let now = SystemTime::now();
        let Some(stored) = Stored::of(&asked, answer, body, now) else {
            return;
        };
        let stored = Arc::new(stored);
        self.kept.entry(key).and_compute_with(|entry| {
            let earlier = entry.map(moka::Entry::into_value);
            let others = earlier.iter().flat_map(|variants| variants.iter());
            let others = others.filter(|other| other.is_fresh(now) && !other.fits(&asked, now));
            let variants = std::iter::once(&stored).chain(others).take(VARIANTS);
            Op::Put(variants.cloned().collect())
        });
        self.metrics.stored(self.kept.weighted_size());
    }

    /// What a request changes whose method is none that only reads.
    pub(crate) fn changed_by(&self, service: &Arc<str>, head: &request::Parts) -> Option<Key> {
        (!head.method.is_safe()).then(|| Key::of(service, head))
    }

    pub(crate) fn forget(&self, changed: &Key) {
        self.kept.invalidate(changed);
    }

    /// Bytes of the largest body that is kept.
    pub(crate) fn largest(&self) -> usize {
        self.largest
    }
}

impl Key {
    fn of(service: &Arc<str>, head: &request::Parts) -> Self {
        Self {
            service: Arc::clone(service),
            host: head.headers.get(HOST).cloned(),
            target: head.uri.clone(),
        }
    }
}

fn weight(key: &Key, variants: &Variants) -> u32 {
    let host = key.host.as_ref().map_or(0, HeaderValue::len);
    let target = key.target.path().len() + key.target.query().map_or(0, str::len);
    let kept: usize = variants.iter().map(|stored| stored.weight()).sum();
    u32::try_from(host + target + kept).unwrap_or(u32::MAX)
}
