use std::net::SocketAddr;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Subject;
use crate::{http, ours, raw};

/// Who a worker is, with everything it needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    RawService(raw::Place),
    RawClient(raw::Place),
    RawConsumer {
        log: raw::Log,
        keeps: bool,
    },
    Service(ours::ServicePlan),
    Client(ours::ClientPlan),
    Consumer(raw::Log),
    Gateway(http::GatewayPlan),
    HttpServer,
    /// In front of the server at this address.
    Proxy(SocketAddr),
    HttpClient(http::HttpPlan),
    Oneshot,
}

impl Role {
    pub(super) fn start(self) -> Result<Box<dyn Subject>> {
        Ok(match self {
            Self::RawService(place) => Box::new(raw::RawService::start(place)?),
            Self::RawClient(place) => Box::new(raw::RawClient::start(place)?),
            Self::RawConsumer { log, keeps } => Box::new(raw::RawConsumer::start(log, keeps)),
            Self::Service(plan) => Box::new(ours::OurService::start(plan)?),
            Self::Client(plan) => Box::new(ours::OurClient::start(plan)?),
            Self::Consumer(log) => Box::new(ours::OurConsumer::start(log)?),
            Self::Gateway(plan) => Box::new(http::Gateway::start(plan)?),
            Self::HttpServer => Box::new(http::HttpServer::start()?),
            Self::Proxy(upstream) => Box::new(http::Proxy::start(upstream)?),
            Self::HttpClient(plan) => Box::new(http::HttpClient::start(plan)?),
            Self::Oneshot => Box::new(http::Oneshot::start()?),
        })
    }
}
