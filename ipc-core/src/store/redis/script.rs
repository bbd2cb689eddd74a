//! The scripts, and what they answer.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Script, Value};

use super::server::Server;
use crate::store::{ClaimRequest, Fence, Fingerprint, StoreError};

static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("claim.lua")));
static FINISH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("finish.lua")));
static EXTEND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("extend.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("release.lua")));

/// Longer times than a hundred years are not told to a server, which knows an end.
const LONGEST: u128 = 100 * 365 * 24 * 60 * 60 * 1000;

/// What became of a claim.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Granted { fence: Fence, took_over: bool },
    Running { lease_left: Duration },
    Done(Vec<u8>),
    Mismatch,
}

pub(super) async fn claim(
    server: &Server,
    key: &str,
    ticket: &str,
    request: &ClaimRequest,
) -> Result<Answer, StoreError> {
    let mut call = CLAIM.key(key);
    call.arg(&request.fingerprint.0[..])
        .arg(ticket)
        .arg(millis(request.lease))
        .arg(millis(request.keep));
    let answer = server.run(&call).await?;
    read(answer).ok_or_else(|| not_understood(server))
}

/// Whether the reply is stored: it is not where another owner has claimed the work.
pub(super) async fn finish(
    server: &Server,
    key: &str,
    (fence, fingerprint): (Fence, &Fingerprint),
    reply: &[u8],
    keep: Duration,
) -> Result<bool, StoreError> {
    let mut call = FINISH.key(key);
    call.arg(fence.0)
        .arg(&fingerprint.0[..])
        .arg(reply)
        .arg(millis(keep));
    match server.run(&call).await? {
        Value::Int(stored) => Ok(stored == 1),
        _ => Err(not_understood(server)),
    }
}

/// Whether the claim holds: it does not where another owner has claimed the work.
pub(super) async fn extend(
    server: &Server,
    (key, ticket): (&str, &str),
    (fence, fingerprint): (Fence, &Fingerprint),
    lease: Duration,
    keep: Duration,
) -> Result<bool, StoreError> {
    let mut call = EXTEND.key(key);
    call.arg(fence.0)
        .arg(&fingerprint.0[..])
        .arg(ticket)
        .arg(millis(lease))
        .arg(millis(keep));
    match server.run(&call).await? {
        Value::Int(extended) => Ok(extended == 1),
        _ => Err(not_understood(server)),
    }
}

pub(super) async fn release(server: &Server, key: &str, ticket: &str) -> Result<(), StoreError> {
    let mut call = RELEASE.key(key);
    call.arg(ticket);
    server.run(&call).await.map(drop)
}

fn not_understood(server: &Server) -> StoreError {
    server.error("answers what its script does not say: is it a redis?")
}

fn read(answer: Value) -> Option<Answer> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let mut parts = parts.into_iter();
    let Some(Value::BulkString(state)) = parts.next() else {
        return None;
    };
    Some(match (&*state, parts.next(), parts.next()) {
        (b"granted", Some(Value::Int(fence)), Some(Value::Int(took_over))) => Answer::Granted {
            fence: Fence(u64::try_from(fence).ok()?),
            took_over: took_over == 1,
        },
        (b"running", Some(Value::Int(left)), None) => Answer::Running {
            lease_left: Duration::from_millis(u64::try_from(left).ok()?),
        },
        (b"done", Some(Value::BulkString(reply)), None) => Answer::Done(reply),
        (b"mismatch", None, None) => Answer::Mismatch,
        _ => return None,
    })
}

/// At least one: a server takes a time of zero for none at all.
fn millis(time: Duration) -> u64 {
    let millis = time.as_millis().clamp(1, LONGEST);
    u64::try_from(millis).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn answers_are_read_and_nothing_else() {
        let granted = [text("granted"), Value::Int(7), Value::Int(1)];
        let expected = Answer::Granted {
            fence: Fence(7),
            took_over: true,
        };
        assert_eq!(read(Value::Array(granted.to_vec())), Some(expected));
        for strange in [
            Value::Nil,
            Value::Array(Vec::new()),
            Value::Array(vec![text("granted")]),
            Value::Array(vec![text("running"), Value::Int(-1)]),
            Value::Array(vec![text("mismatch"), Value::Int(1)]),
            Value::Array(vec![text("else")]),
        ] {
            assert_eq!(read(strange.clone()), None, "{strange:?}");
        }
    }

    #[test]
    fn no_time_is_more_than_a_server_can_count() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_millis(1500)), 1500);
        assert_eq!(u128::from(millis(Duration::MAX)), LONGEST);
    }
}
