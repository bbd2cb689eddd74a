//! What tells a request from others, and from its own repetition.

use std::sync::Arc;

use bytes::Bytes;

use crate::dispatch::{Delivery, Idempotency};
use crate::envelope::{Problem, names};
use crate::store::{Fingerprint, WorkId};

/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 1024;

/// The work that a delivery asks for; `None` where nothing is to be recognised.
///
/// # Errors
///
/// What to answer where it has no key and must have one, or none that can be used.
pub(super) fn of(service: &str, delivery: &Delivery) -> Result<Option<WorkId>, Problem> {
    let policy = &delivery.policy;
    let key = match (policy.idempotency, &delivery.head.idempotency_key) {
        (Idempotency::Off, _) => return Ok(None),
        (Idempotency::Derived, _) => place(delivery),
        (_, Some(key)) if key.len() > LONGEST_KEY => {
            let detail = format!("header idempotency-key has more than {LONGEST_KEY} bytes");
            return Err(unusable(detail));
        }
        (_, Some(key)) if !key.is_empty() => key.as_bytes().clone(),
        _ if delivery.envelope.headers.contains(names::IDEMPOTENCY_KEY) => {
            return Err(unusable("header idempotency-key is empty or not UTF-8"));
        }
        (Idempotency::Required, _) => {
            let problem = Problem::new("idempotency-key-missing", "The request has no key", 400);
            return Err(problem.with_detail(format!(
                "{} takes no request without the header idempotency-key",
                policy.name
            )));
        }
        (Idempotency::Optional, _) => return Ok(None),
    };
    Ok(Some(WorkId {
        scope: Arc::from(format!("{service} {}", policy.name)),
        key,
    }))
}

/// What the request asks for: method, path, media type and body.
pub(super) fn fingerprint(delivery: &Delivery) -> Fingerprint {
    let head = &delivery.head;
    let media_type = delivery.envelope.headers.get(names::CONTENT_TYPE);
    Fingerprint::of(&[
        head.method.as_ref().map_or(b"", |method| method.as_bytes()),
        head.path.as_ref().map_or(b"", |path| path.as_bytes()),
        media_type.map_or(b"", |it| it),
        delivery.envelope.payload.as_deref().unwrap_or_default(),
    ])
}

/// The record itself, wherever it waited since it was written: that tells a redelivery
/// and a further attempt, and no repetition by the caller.
fn place(delivery: &Delivery) -> Bytes {
    let home = delivery.home();
    format!("{}@{}", home.partition, home.offset).into()
}

fn unusable(detail: impl Into<String>) -> Problem {
    let problem = Problem::new("idempotency-key-unusable", "The key cannot be used", 400);
    problem.with_detail(detail)
}
