//! Health and metrics, on a port and a thread of their own: a process whose
//! requests hang can still say so.

mod pulse;
mod server;

pub(crate) use pulse::Pulse;
pub(crate) use server::StatusServer;
