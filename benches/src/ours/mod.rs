//! The framework under measurement: a service with one endpoint for each thing
//! that is asked of it, and its typed client.

mod app;
mod client;
mod service;

pub(crate) use self::app::BODY;
pub(crate) use self::client::{ClientPlan, OurClient};
pub(crate) use self::service::{OurService, ServicePlan};
