//! Running a service: its topics, its consumers, its handlers and its end.

#[cfg(feature = "http-server")]
mod admin;
mod builder;
mod control;
mod hooks;
mod presence;
mod running;
mod shutdown;

#[cfg(feature = "http-server")]
pub use admin::{Admin, AdminError};
pub use builder::{ServeError, ServiceBuilder};
pub use hooks::{HookError, HookFailure, Hooks};
pub use running::Service;
pub use shutdown::{Drain, DrainError, shutdown_signal};
