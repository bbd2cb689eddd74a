//! The shim over real sockets, with an in-memory way to services.

mod config;
mod drain;
mod http2;
mod kafka;
mod legacy;
mod limits;
mod outcomes;
mod program;
mod rewriting;
mod routing;
mod status;
mod streams;
mod support;
