//! How a request is told in one line.

use std::io::Write as _;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use http::Version;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use super::entry::Noted;
use crate::auth::Principal;
use crate::config::{AccessLog, LineFormat};
use crate::spent::Beyond;

/// What web servers write in the place of a status where the client left first.
const LEFT: u16 = 499;

/// Brackets are where the date stands, which some look for first.
const NO_PART_OF_A_WORD: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b'[')
    .add(b'\\')
    .add(b']');

/// The line for a request, with its end.
pub(super) fn of(noted: &Noted, settings: &AccessLog) -> Vec<u8> {
    let asked_for = AskedFor {
        query: noted.target.query().filter(|_| settings.query),
        principal: noted.principal.as_ref().filter(|_| settings.principal),
    };
    let mut line = match settings.format {
        LineFormat::Json => json(noted, asked_for),
        LineFormat::Common => common(noted, asked_for),
    };
    line.push(b'\n');
    line
}

/// What is told only where that is asked for.
#[derive(Clone, Copy)]
struct AskedFor<'n> {
    query: Option<&'n str>,
    principal: Option<&'n Principal>,
}

/// A line as JSON. Times are in milliseconds.
#[derive(Serialize)]
struct Line<'n> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<IpAddr>,
    method: &'n str,
    path: &'n str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'n str>,
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'n str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'n str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'n str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    end: &'static str,
    bytes: u64,
    total_ms: f64,
    admission_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handler_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'n str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

fn json(noted: &Noted, AskedFor { query, principal }: AskedFor<'_>) -> Vec<u8> {
    let spent = &noted.spent;
    let beyond = |place: Beyond| {
        let beyond = spent.beyond.filter(|(beyond, _)| *beyond == place);
        beyond.map(|(_, spent)| milliseconds(spent))
    };
    let line = Line {
        time: humantime::format_rfc3339_millis(noted.arrived).to_string(),
        peer: noted.peer,
        method: noted.method.as_str(),
        path: noted.target.path(),
        query,
        protocol: protocol(noted.version),
        route: noted.route.as_ref().map(|(route, _)| &**route),
        mode: noted.route.as_ref().map(|(_, mode)| *mode),
        credential: principal.map(|principal| principal.credential().name()),
        issuer: principal
            .map(Principal::issuer)
            .filter(|issuer| !issuer.is_empty()),
        principal: principal.map(Principal::subject),
        status: noted.status.map(|status| status.as_u16()),
        end: match (noted.status, noted.complete) {
            (None, _) => "cancelled",
            (Some(_), false) => "broken_off",
            (Some(_), true) => "complete",
        },
        bytes: noted.bytes,
        total_ms: milliseconds(noted.began.elapsed()),
        admission_ms: milliseconds(spent.admission),
        kafka_ms: beyond(Beyond::Kafka),
        queue_ms: spent.queue.map(milliseconds),
        handler_ms: spent.handler.map(milliseconds),
        legacy_ms: beyond(Beyond::Legacy),
        request_id: noted.request_id.as_ref().and_then(|id| id.to_str().ok()),
        trace_id: noted.trace_id.map(|id| format!("{id:032x}")),
    };
    // Texts and numbers: serialising cannot fail.
    serde_json::to_vec(&line).unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// `peer - ann [22/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5`.
fn common(noted: &Noted, AskedFor { query, principal }: AskedFor<'_>) -> Vec<u8> {
    let mut line = Vec::with_capacity(128);
    let peer = noted
        .peer
        .map_or_else(|| "-".to_owned(), |peer| peer.to_string());
    let status = noted.status.map_or(LEFT, |status| status.as_u16());
    let path = escaped(noted.target.path());
    let query = query.map_or_else(String::new, |query| format!("?{}", escaped(query)));
    let principal = principal.map_or_else(|| "-".to_owned(), |it| one_word(it.subject()));
    // A `Vec` takes every write.
    let _ = write!(
        line,
        "{peer} - {principal} [{}] \"{} {path}{query} {}\" {status} {}",
        date(noted.arrived),
        noted.method,
        protocol(noted.version),
        noted.bytes
    );
    line
}

/// Nothing in a target may end the quotes that it stands in.
fn escaped(text: &str) -> String {
    text.replace('\\', "%5C").replace('"', "%22")
}

/// What a principal's issuer calls it may be any text, and here is to be one field.
fn one_word(text: &str) -> String {
    match text {
        // These would be nobody.
        "" | "-" => "%2D".to_owned(),
        _ => utf8_percent_encode(text, NO_PART_OF_A_WORD).to_string(),
    }
}

/// `22/Nov/2026:10:00:00 +0000`, from `Sun, 22 Nov 2026 10:00:00 GMT`.
fn date(time: SystemTime) -> String {
    let date = httpdate::fmt_http_date(time);
    let parts: Vec<&str> = date.split(' ').collect();
    match parts.as_slice() {
        [_, day, month, year, time, _] => format!("{day}/{month}/{year}:{time} +0000"),
        _ => date,
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use http::{Method, StatusCode};
    use proptest::prelude::*;

    use super::*;
    use crate::config::Credential;
    use crate::spent::Spent;

    fn noted(target: &str) -> Noted {
        Noted {
            arrived: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_341_600_250),
            began: Instant::now(),
            method: Method::GET,
            target: target.parse().expect("it is a target"),
            version: Version::HTTP_2,
            peer: Some([192, 0, 2, 7].into()),
            route: Some((Arc::from("GET /orders/{id}"), "call")),
            principal: None,
            spent: Spent {
                admission: Duration::from_micros(1500),
                beyond: Some((Beyond::Kafka, Duration::from_millis(20))),
                queue: None,
                handler: Some(Duration::from_millis(8)),
            },
            request_id: Some("r-1".parse().expect("it is a value")),
            trace_id: Some(7),
            status: Some(StatusCode::OK),
            bytes: 5,
            complete: true,
        }
    }

    fn line(noted: &Noted, format: LineFormat) -> String {
        line_by(noted, format, AccessLog::default())
    }

    fn line_by(noted: &Noted, format: LineFormat, settings: AccessLog) -> String {
        let settings = AccessLog { format, ..settings };
        String::from_utf8(of(noted, &settings)).expect("it is text")
    }

    #[test]
    fn a_request_is_told_as_json_without_its_query() {
        let line = line(&noted("/orders/7?token=hunter2"), LineFormat::Json);

        let mut told: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
        assert!(told["total_ms"].take().is_f64());
        assert_eq!(
            told,
            serde_json::json!({
                "time": "2026-11-22T10:00:00.250Z", "peer": "192.0.2.7", "method": "GET",
                "path": "/orders/7", "protocol": "HTTP/2.0", "route": "GET /orders/{id}",
                "mode": "call", "status": 200, "end": "complete", "bytes": 5, "total_ms": null,
                "admission_ms": 1.5, "kafka_ms": 20.0, "handler_ms": 8.0, "request_id": "r-1",
                "trace_id": "00000000000000000000000000000007"
            })
        );
    }

    #[test]
    fn a_request_is_told_in_the_common_format_without_its_query() {
        let mut left = noted("/orders/7?token=hunter2");
        assert_eq!(
            line(&left, LineFormat::Common),
            "192.0.2.7 - - [22/Nov/2026:10:00:00 +0000] \"GET /orders/7 HTTP/2.0\" 200 5\n"
        );

        left.status = None;
        left.peer = None;
        assert_eq!(
            line(&left, LineFormat::Common),
            "- - - [22/Nov/2026:10:00:00 +0000] \"GET /orders/7 HTTP/2.0\" 499 5\n"
        );
    }

    #[test]
    fn a_query_is_told_where_that_is_asked_for() {
        for format in [LineFormat::Json, LineFormat::Common] {
            let settings = AccessLog {
                query: true,
                ..AccessLog::default()
            };
            let line = line_by(&noted("/a?b=c"), format, settings);
            assert!(line.contains("b=c"), "{line}");
        }
    }

    #[test]
    fn who_sent_a_request_is_told_where_that_is_asked_for() {
        let noted = sent_by(Credential::Jwt, "https://id", "Ann \"A\"");
        for format in [LineFormat::Json, LineFormat::Common] {
            let line = line(&noted, format);
            assert!(!line.contains("Ann"), "{line}");
        }

        let told: serde_json::Value =
            serde_json::from_str(&naming(&noted, LineFormat::Json)).expect("it is JSON");
        for (key, value) in [
            ("credential", "jwt"),
            ("issuer", "https://id"),
            ("principal", "Ann \"A\""),
        ] {
            assert_eq!(told[key], value, "{told}");
        }
        let line = naming(&noted, LineFormat::Common);
        assert!(line.starts_with("192.0.2.7 - Ann%20%22A%22 ["), "{line}");
    }

    #[test]
    fn a_name_that_looks_like_a_date_is_not_in_its_place() {
        let noted = sent_by(Credential::ApiKey, "", "[1/Jan/1970]");
        let line = naming(&noted, LineFormat::Common);
        assert_eq!(line.find('['), Some("192.0.2.7 - %5B1/Jan/1970%5D ".len()));
    }

    fn sent_by(credential: Credential, issuer: &str, subject: &str) -> Noted {
        let principal = Principal::new(credential, issuer, subject, Vec::new());
        Noted {
            principal: Some(principal),
            ..noted("/a")
        }
    }

    /// The line with who sent it.
    fn naming(noted: &Noted, format: LineFormat) -> String {
        let settings = AccessLog {
            principal: true,
            ..AccessLog::default()
        };
        line_by(noted, format, settings)
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_makes_one_line(path in "/[!-~]{0,40}", subject in ".{0,40}") {
            let Ok(target) = path.parse() else { return Ok(()) };
            let noted = Noted { target, ..sent_by(Credential::ApiKey, "", &subject) };

            let json = naming(&noted, LineFormat::Json);
            let told: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
            prop_assert_eq!(&told["path"], noted.target.path());
            prop_assert_eq!(&told["principal"], &subject);
            let common = naming(&noted, LineFormat::Common);
            for line in [&json, &common] {
                prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            }
            let (before, after) = common.split_once(" [").expect("it has a date");
            prop_assert_eq!(before.split(' ').count(), 3);
            prop_assert_eq!(after.matches('"').count(), 2);
        }
    }
}
