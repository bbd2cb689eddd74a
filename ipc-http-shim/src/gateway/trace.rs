//! Where requests stand in a trace, by the W3C's headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use ipc_core::envelope::{TraceContext, names};

use crate::config::{Config, Trace};

const TRACEPARENT: HeaderName = HeaderName::from_static(names::TRACEPARENT);
const TRACESTATE: HeaderName = HeaderName::from_static(names::TRACESTATE);

/// Where requests stand in a trace.
#[derive(Debug)]
pub(super) struct Tracing {
    settings: Trace,
    /// From 0 on and below 1 each time.
    draw: fn() -> f64,
}

impl Tracing {
    pub(super) fn new(config: &Config, draw: fn() -> f64) -> Self {
        Self {
            settings: config.trace.clone(),
            draw,
        }
    }

    /// The id of a request's trace. One that is told is handed on untouched, since the
    /// gateway records no span of its own that a service's could stand below; where none
    /// is told, or not in its form, one begins.
    pub(super) fn of(&self, headers: &mut HeaderMap) -> Option<u128> {
        let mut told = headers.get_all(TRACEPARENT).iter();
        let only = told.next().filter(|_| told.next().is_none());
        let parent = only.and_then(|told| TraceContext::parse(told.as_bytes()));
        if let Some(parent) = parent {
            return Some(parent.trace_id());
        }
        if !self.settings.begin {
            return None;
        }
        let begun = TraceContext::root(self.settings.sample.takes((self.draw)()));
        // What it says belongs to the trace that was told.
        headers.remove(TRACESTATE);
        let value = HeaderValue::try_from(begun.to_string()).ok()?;
        headers.insert(TRACEPARENT, value);
        Some(begun.trace_id())
    }

    /// Tells the trace in an answer, where that is asked for.
    pub(super) fn tell(&self, answer: &mut HeaderMap, trace_id: Option<u128>) {
        if let (Some(name), Some(id)) = (&self.settings.answer, trace_id)
            && let Ok(id) = HeaderValue::try_from(format!("{id:032x}"))
        {
            answer.insert(name.clone(), id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sample;

    const TOLD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    fn headers(traceparents: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for told in traceparents {
            headers.append(TRACEPARENT, HeaderValue::from_static(told));
        }
        headers.insert(TRACESTATE, HeaderValue::from_static("a=1"));
        headers
    }

    fn tracing(begin: bool, sample: f64) -> Tracing {
        Tracing {
            settings: Trace {
                begin,
                sample: Sample::new(sample).expect("it is a share"),
                ..Trace::default()
            },
            draw: || 0.5,
        }
    }

    #[test]
    fn a_trace_that_is_told_is_handed_on_untouched() {
        let mut headers = headers(&[TOLD]);

        let id = tracing(true, 1.0).of(&mut headers);

        assert_eq!(id, Some(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c));
        assert_eq!(headers[TRACEPARENT], TOLD);
        assert_eq!(headers[TRACESTATE], "a=1");
    }

    #[test]
    fn a_request_whose_trace_cannot_be_read_begins_one() {
        for told in [&[][..], &["00-0-0-00"], &[TOLD, TOLD]] {
            let mut headers = headers(told);

            let id = tracing(true, 0.6).of(&mut headers).expect("it has begun");

            let begun = headers.get_all(TRACEPARENT).iter().collect::<Vec<_>>();
            assert_eq!(begun.len(), 1, "{told:?}");
            let begun = TraceContext::parse(begun[0].as_bytes()).expect("it can be read");
            assert_eq!(begun.trace_id(), id);
            assert!(begun.is_sampled());
            assert!(!headers.contains_key(TRACESTATE));
        }
    }

    #[test]
    fn a_share_of_the_traces_begun_is_said_to_be_recorded() {
        let mut headers = headers(&[]);

        tracing(true, 0.5).of(&mut headers);

        let begun = TraceContext::parse(headers[TRACEPARENT].as_bytes());
        assert!(!begun.expect("it can be read").is_sampled());
    }

    #[test]
    fn none_begins_where_that_is_not_asked_for() {
        let mut headers = headers(&[]);

        assert_eq!(tracing(false, 1.0).of(&mut headers), None);
        assert!(!headers.contains_key(TRACEPARENT));
    }
}
