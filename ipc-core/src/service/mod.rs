//! Running a service: its topics, its consumers, its handlers and its end.

mod builder;
mod control;
mod presence;
mod running;

pub use builder::{ServeError, ServiceBuilder};
pub use running::Service;
