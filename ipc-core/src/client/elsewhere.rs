//! Calls whose sender does not hear the reply.

use std::time::Duration;

use tokio::time::Instant;

use super::error::Unanswered;
use super::{Client, Rejected, Request};
use crate::envelope::{Context, CorrelationId, Dialect, Problem, ReplyAddress};

/// Where a call is answered whose sender does not wait for it.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// The id of the call: nobody else's.
    pub correlation_id: CorrelationId,
    /// Where its reply goes, in one record: the topic must be on its service's allow-list.
    pub reply_to: ReplyAddress,
    /// How long the service may take over it.
    pub within: Duration,
    /// Whether it is refused where no instance of its service is there, as calls are. Else
    /// it waits for one in the log.
    pub only_if_present: bool,
}

impl Client {
    /// Sends a call that is answered elsewhere, and waits until the log has it.
    pub(crate) async fn post_elsewhere(
        &self,
        mut request: Request,
        elsewhere: Elsewhere,
    ) -> Result<(), Unanswered> {
        if request.dialect() != Dialect::Native {
            let title = "A service of another dialect answers its caller only";
            let problem = Problem::new("not-answered-elsewhere", title, 400);
            return Err(Rejected::Refused(problem).into());
        }
        if elsewhere.only_if_present {
            self.0.check_presence(&request, Instant::now())?;
        }
        let context = Context::current();
        let now = self.0.transport.now();
        request.head.correlation_id = Some(elsewhere.correlation_id);
        request.head.reply_to = Some(elsewhere.reply_to);
        request.head.deadline = Some(context.deadline(now, elsewhere.within));
        let id = self.identify(&mut request);
        self.log(request, &id).await
    }
}
