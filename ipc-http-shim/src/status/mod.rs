//! Health and metrics, on a port and a thread of their own: a process whose
//! requests hang can still say so.

mod health;
mod server;

pub(crate) use health::Health;
pub(crate) use server::StatusServer;
