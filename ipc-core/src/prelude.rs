//! What a service author's file starts with: `use ipc_core::prelude::*;`.

pub use axum::Json;
pub use axum::extract::{Path, Query, State};
#[cfg(feature = "protobuf")]
pub use axum_extra::protobuf::Protobuf;

pub use crate::client::Client;
pub use crate::handler::{
    HandlerError, Message, OneWayHandler, RequestHandler, StreamHandler, TopicHandler,
};
pub use crate::response::{FailureExt, Replies};
pub use crate::routing::App;
pub use crate::service::{Service, shutdown_signal};
#[cfg(feature = "kafka")]
pub use crate::transport::kafka::KafkaConfig;
pub use crate::{endpoint, endpoints};
pub use ipc_macros::contract;
