use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Subject;
use crate::{ours, raw};

/// Who a worker is, with everything it needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    RawService(raw::Place),
    RawClient(raw::Place),
    Service(ours::ServicePlan),
    Client(ours::ClientPlan),
}

impl Role {
    pub(super) fn start(self) -> Result<Box<dyn Subject>> {
        Ok(match self {
            Self::RawService(place) => Box::new(raw::RawService::start(place)?),
            Self::RawClient(place) => Box::new(raw::RawClient::start(place)?),
            Self::Service(plan) => Box::new(ours::OurService::start(plan)?),
            Self::Client(plan) => Box::new(ours::OurClient::start(plan)?),
        })
    }
}
