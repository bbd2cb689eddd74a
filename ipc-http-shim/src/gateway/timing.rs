//! `Server-Timing`: where an answer spent its time.

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::spent::{Beyond, SERVER_TIMING};

/// Bytes of what is told, as a rule: `kafka;dur=1234.567, shim;dur=1234.567`.
const TOLD: usize = 40;

/// Appends the time spent beyond the gateway, where any was, and all of it.
pub(super) fn append(headers: &mut HeaderMap, beyond: Option<(Beyond, Duration)>, total: Duration) {
    let mut metrics = String::with_capacity(TOLD);
    let beyond = beyond.map(|(place, spent)| (place.name(), spent));
    for (name, spent) in beyond.into_iter().chain([("shim", total)]) {
        let separator = if metrics.is_empty() { "" } else { ", " };
        // Milliseconds of whole numbers: every answer has them, and floats take thrice as long.
        let micros = spent.as_micros();
        let (millis, micros) = (micros / 1000, micros % 1000);
        // A `String` takes every write.
        let _ = write!(metrics, "{separator}{name};dur={millis}.{micros:03}");
    }
    if let Ok(value) = HeaderValue::from_str(&metrics) {
        headers.append(SERVER_TIMING, value);
    }
}
