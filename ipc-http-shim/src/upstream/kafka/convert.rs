//! Between the gateway's terms and the client's.

use axum::body::Body;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::Request;
use http::uri::{Authority, Scheme, Uri};
use ipc_core::client::{CallError, Options, RecordKey, Rejected, UnknownReason};
use ipc_core::envelope::Problem;
use ipc_core::http::BodyBroken;

use super::RETRY_AFTER;
use crate::upstream::{Failure, Outbound, ReplyRecord};

/// The request with the service as its URI's authority, as the client asks for.
pub(super) fn addressed(outbound: Outbound) -> Result<Request<Body>, Failure> {
    let Outbound {
        service,
        mut request,
        key,
        timeout,
        peer,
        principal: _,
        vouching,
        shadow,
    } = outbound;
    let unaddressable = || {
        let problem = Problem::new("no-service", "the route's service cannot be addressed", 500);
        Failure::Refused(problem.with_private(format!("service {service}")))
    };
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(Authority::try_from(&*service).map_err(|_| unaddressable())?);
    *request.uri_mut() = Uri::from_parts(uri).map_err(|_| unaddressable())?;
    let mut options = Options::default();
    options.timeout = Some(timeout);
    options.key = key.map_or(RecordKey::None, RecordKey::Bytes);
    options.peer = Some(peer.address);
    options.shadow = shadow;
    options.principal = vouching;
    request.extensions_mut().insert(options);
    Ok(request.map(Body::from))
}

/// The records behind a body of which each is a frame. Record 0 was the head.
pub(super) fn records(body: Body) -> BoxStream<'static, Result<ReplyRecord, Problem>> {
    let frames = body.into_data_stream();
    stream::iter(1..)
        .zip(frames)
        .map(|(seq, frame)| match frame {
            Ok(payload) => Ok(ReplyRecord { seq, payload }),
            Err(error) => Err(broken_off(&error)),
        })
        .boxed()
}

fn broken_off(error: &axum::Error) -> Problem {
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<BodyBroken>()) {
        Some(BodyBroken(problem)) => problem.clone(),
        None => Problem::new("reply-broke-off", "the reply broke off before its end", 502)
            .with_private(error.to_string()),
    }
}

pub(super) fn failure(error: CallError) -> Failure {
    match error {
        CallError::Rejected(Rejected::Refused(problem)) => Failure::Refused(problem),
        CallError::Rejected(Rejected::Absent {
            service,
            retry_after,
        }) => Failure::Absent {
            service: service.into(),
            retry_after,
        },
        CallError::Rejected(rejected) => Failure::Rejected {
            reason: rejected.to_string(),
            retry_after: RETRY_AFTER,
        },
        CallError::Unknown(unknown) if unknown.reason == UnknownReason::Incomplete => {
            Failure::Undecodable {
                reason: unknown.to_string(),
                correlation_id: unknown.correlation_id,
            }
        }
        CallError::Unknown(unknown) => Failure::Unknown {
            correlation_id: unknown.correlation_id,
        },
        // Typed calls end like this; HTTP requests have replies with a status.
        other => Failure::Refused(
            Problem::new("malformed-reply", "the reply cannot be read", 502)
                .with_private(other.to_string()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ipc_core::client::Unknown;
    use ipc_core::envelope::CorrelationId;
    use ipc_core::transport::SendError;

    use super::*;
    use crate::peer::Peer;

    fn status(error: impl Into<CallError>) -> (u16, Option<Duration>) {
        let (problem, retry_after) = failure(error.into()).into_problem();
        (problem.status, retry_after)
    }

    fn unknown(reason: UnknownReason) -> Unknown {
        Unknown {
            correlation_id: CorrelationId::random(),
            reason,
        }
    }

    #[test]
    fn what_was_not_sent_is_503_with_when_to_try_again() {
        let full = Rejected::Send(SendError::QueueFull { limit: 1 });
        let absent = Rejected::Absent {
            service: "orders".to_owned(),
            retry_after: Duration::from_secs(3),
        };

        assert_eq!(status(full), (503, Some(RETRY_AFTER)));
        assert_eq!(status(Rejected::InboxNotReady), (503, Some(RETRY_AFTER)));
        assert_eq!(status(absent), (503, Some(Duration::from_secs(3))));
    }

    #[test]
    fn what_was_perhaps_sent_is_504_and_never_said_to_be_safe_to_repeat() {
        for reason in [
            UnknownReason::DeadlinePassed,
            UnknownReason::Unacknowledged,
            UnknownReason::Closed,
        ] {
            assert_eq!(status(unknown(reason)), (504, None));
        }
    }

    #[test]
    fn an_incomplete_reply_is_502() {
        assert_eq!(status(unknown(UnknownReason::Incomplete)), (502, None));
    }

    #[test]
    fn a_problem_of_the_clients_own_is_told_as_it_is() {
        let problem = Problem::new("reserved-header", "reserved", 400);

        assert_eq!(status(Rejected::Refused(problem)), (400, None));
    }

    #[test]
    fn the_service_becomes_the_authority_and_the_target_stays_as_it_is() {
        let request = Request::post("//x/..?a=%FF&").body(bytes::Bytes::new());
        let outbound = Outbound {
            service: "orders_v2.eu".into(),
            request: request.expect("the request is valid"),
            key: None,
            timeout: Duration::from_secs(1),
            peer: Peer::plain(([127, 0, 0, 1], 4711).into()),
            principal: None,
            vouching: None,
            shadow: false,
        };

        let addressed = addressed(outbound).expect("it can be addressed");

        assert_eq!(addressed.uri().host(), Some("orders_v2.eu"));
        let target = addressed.uri().path_and_query().expect("there is one");
        assert_eq!(target, "//x/..?a=%FF&");
    }
}
