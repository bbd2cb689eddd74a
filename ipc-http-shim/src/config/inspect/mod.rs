//! What a configuration comes to: all of it, or for one request.

mod access;
mod breaker;
mod browsers;
mod effective;
mod explain;
mod later;
mod limits;
mod moving;
mod origin;
mod others;
mod parts;
mod sockets;
mod tls;

pub use effective::effective;
pub use explain::{Question, explain};
