//! No services at all.

use async_trait::async_trait;
use ipc_core::envelope::{CorrelationId, Problem};

use super::{Answer, Failure, Outbound, ReplyStream, Upstream};

/// For a gateway whose routes name no service: it needs no Kafka.
#[derive(Clone, Copy, Debug)]
pub struct NoUpstream;

#[async_trait]
impl Upstream for NoUpstream {
    async fn call(&self, outbound: Outbound) -> Result<Answer, Failure> {
        Err(nowhere(&outbound))
    }

    async fn send(&self, outbound: Outbound) -> Result<Option<CorrelationId>, Failure> {
        Err(nowhere(&outbound))
    }

    async fn stream(&self, outbound: Outbound) -> Result<ReplyStream, Failure> {
        Err(nowhere(&outbound))
    }

    fn metrics(&self) -> String {
        String::new()
    }
}

fn nowhere(outbound: &Outbound) -> Failure {
    let problem = Problem::new("no-service", "no service can be reached", 503);
    Failure::Refused(problem.with_private(format!("service {}: no Kafka", outbound.service)))
}
