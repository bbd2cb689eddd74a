//! Running a service: its topics, its consumers, its handlers and its end.

#[cfg(feature = "http-server")]
mod admin;
mod application;
mod builder;
mod checks;
mod combinations;
mod control;
mod entrance;
mod error;
mod hooks;
mod inlet;
mod layers;
#[cfg(feature = "http-server")]
mod listener;
mod outage;
mod pauses;
mod presence;
mod running;
mod serve;
mod shutdown;
mod topics;

#[cfg(feature = "http-server")]
pub use admin::{Admin, AdminError};
pub use application::{Application, HttpService, Prepared};
pub use builder::ServiceBuilder;
pub use error::ServeError;
pub use hooks::{HookError, HookFailure, Hooks};
pub use layers::MessageService;
pub use running::Service;
pub use serve::Serve;
pub use shutdown::{Drain, DrainError, shutdown_signal};
