//! How a request to a service can end without a reply.

use std::sync::Arc;
use std::time::Duration;

use ipc_core::envelope::{CorrelationId, Problem};

/// How a request to a service can end without a reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It is known not to have been sent.
    #[error("the request was not sent: {reason}")]
    Rejected {
        /// Why, for our own logs.
        reason: String,
        /// When another attempt may go better.
        retry_after: Duration,
    },
    /// Nobody serves this service.
    #[error("no instance of the service {service} is there")]
    Absent {
        /// The service.
        service: Arc<str>,
        /// When another attempt may go better.
        retry_after: Duration,
    },
    /// It was sent, or may have been, and there was no answer in time.
    #[error("there was no answer to {correlation_id} in time")]
    Unknown {
        /// The request's id.
        correlation_id: CorrelationId,
    },
    /// There was a reply that cannot be read.
    #[error("the reply to {correlation_id} cannot be read: {reason}")]
    Undecodable {
        /// The request's id.
        correlation_id: CorrelationId,
        /// Why.
        reason: String,
    },
    /// The request can never be sent as it is.
    #[error("{0}")]
    Refused(Problem),
}

impl Failure {
    /// What the HTTP client is told, and when it may try again.
    pub(crate) fn into_problem(self) -> (Problem, Option<Duration>) {
        match self {
            Self::Rejected {
                reason,
                retry_after,
            } => {
                let problem = Problem::new("rejected", "the request was not sent", 503)
                    .with_detail("nothing was sent: the request can be repeated safely")
                    .with_private(reason);
                (problem, Some(retry_after))
            }
            Self::Absent {
                service,
                retry_after,
            } => {
                let problem = Problem::new("service-absent", "the service is absent", 503)
                    .with_detail(format!(
                        "no instance of {service} is there; nothing was sent"
                    ));
                (problem, Some(retry_after))
            }
            Self::Unknown { correlation_id } => {
                let problem = Problem::new("outcome-unknown", "there was no answer in time", 504)
                    .with_detail("the request may have been processed, or may still be")
                    .with_correlation_id(&correlation_id);
                (problem, None)
            }
            Self::Undecodable {
                correlation_id,
                reason,
            } => {
                let problem = Problem::new("malformed-reply", "the reply cannot be read", 502)
                    .with_detail("the request was answered; what it did is not undone")
                    .with_private(reason)
                    .with_correlation_id(&correlation_id);
                (problem, None)
            }
            Self::Refused(problem) => (problem, None),
        }
    }
}
