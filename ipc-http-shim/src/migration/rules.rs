//! What a route's migration is told by its configuration.

use std::time::Duration;

use http::HeaderName;

use super::Stage;

/// How a route moves from the legacy upstream to its service.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Migration {
    /// What commands and metrics call the route. Default: its methods and path.
    pub name: Option<String>,
    /// The stages it passes, in this order; the first is where it begins, and where
    /// it goes back to. Default: `shadow`, `10%`, `50%`, `kafka`.
    pub steps: Vec<Stage>,
    /// Whether it goes on, and back, by itself. Default: it does not.
    pub automatic: bool,
    /// What it must keep to go on, and to stay.
    pub bounds: Bounds,
    /// What decides who is on Kafka where a request has no key. Default: the
    /// client's address.
    pub sticky: Sticky,
    /// Whether the legacy upstream answers what the service did not: only where the
    /// request was provably not executed, or may be executed twice. Default: no.
    pub fallback: bool,
    /// Which methods are shadowed. Default: those that change nothing.
    pub shadow: ShadowedMethods,
    /// How the answers to a shadow are compared.
    pub compare: Compare,
}

/// What a migration must keep: judged over a sliding window, as soon as it holds
/// enough requests.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Bounds {
    /// How many requests the window must hold. Default: 1000.
    pub requests: u64,
    /// How long the window is, and how long a stage lasts at least. Default: 5 min.
    pub over: Duration,
    /// The share of shadows whose answers may differ, 0 to 1. Default: 0.
    pub differences: f64,
    /// The share of requests to the service that may fail, 0 to 1: those without a
    /// reply, and replies from 500 on. Default: 0.01.
    pub errors: f64,
    /// 99 of 100 answers of the service come within this. Default: 1 s.
    pub p99: Duration,
}

/// What decides on which side a request without a key is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Sticky {
    /// The client's address.
    #[default]
    Client,
    /// The first value of this header, else the client's address.
    Header(HeaderName),
    /// The cookie of this name, else the client's address.
    Cookie(String),
}

/// Which methods are shadowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ShadowedMethods {
    /// Those that change nothing (RFC 9110, section 9.2.1): GET, HEAD, OPTIONS, TRACE.
    #[default]
    Safe,
    /// All. The handlers must heed `extract::Shadow`: what the original does is done
    /// already.
    Every,
}

/// How two answers are compared: their status, some headers, and their bodies; as
/// JSON where both are.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Compare {
    /// Headers that must be equal. Default: `content-type`.
    pub headers: Vec<HeaderName>,
    /// What of a JSON document is not compared, as JSON pointers (RFC 6901) in which
    /// `*` stands for every member: `/items/*/seen`. Default: nothing.
    pub ignore: Vec<String>,
    /// What of a JSON document samples may show, in the same form. Of everything else
    /// they show the kind only. Default: nothing.
    pub show: Vec<String>,
    /// By how much two JSON numbers may differ. Default: 0.
    pub tolerance: f64,
    /// Bytes of a request, and of an answer, that are kept to be copied and compared;
    /// what is larger is not. Default: 1 MiB.
    pub body: usize,
}

impl Migration {
    /// Where the route goes back to: where it began, unless that was on Kafka.
    #[must_use]
    pub fn refuge(&self) -> Stage {
        let first = self.steps.first().copied().unwrap_or(Stage::Legacy);
        match first {
            Stage::Legacy | Stage::Shadow => first,
            Stage::Percent(_) | Stage::Kafka => Stage::Legacy,
        }
    }

    /// The step after `stage`.
    #[must_use]
    pub fn after(&self, stage: Stage) -> Option<Stage> {
        self.steps.iter().copied().find(|step| *step > stage)
    }
}

impl Default for Migration {
    fn default() -> Self {
        Self {
            name: None,
            steps: vec![
                Stage::Shadow,
                Stage::Percent(10),
                Stage::Percent(50),
                Stage::Kafka,
            ],
            automatic: false,
            bounds: Bounds::default(),
            sticky: Sticky::default(),
            fallback: false,
            shadow: ShadowedMethods::default(),
            compare: Compare::default(),
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            requests: 1000,
            over: Duration::from_secs(5 * 60),
            differences: 0.0,
            errors: 0.01,
            p99: Duration::from_secs(1),
        }
    }
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            headers: vec![http::header::CONTENT_TYPE],
            ignore: Vec::new(),
            show: Vec::new(),
            tolerance: 0.0,
            body: 1024 * 1024,
        }
    }
}
