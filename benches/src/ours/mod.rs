//! The framework under measurement: a service with one endpoint for each thing
//! that is asked of it, its typed client, and a consumer of one-way records.

pub(crate) mod app;
pub(crate) mod client;
mod consumer;
mod service;

pub(crate) use self::app::{BODY, Note, app};
pub(crate) use self::client::{ClientPlan, OurClient};
pub(crate) use self::consumer::OurConsumer;
pub(crate) use self::service::{OurService, ServicePlan};
