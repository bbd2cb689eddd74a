//! The shim over real sockets, with an in-memory way to services.

mod access_log;
mod agreement;
mod breaker;
mod config;
mod drain;
mod http2;
mod import;
mod inspect;
mod kafka;
mod legacy;
mod legacy_tls;
mod limits;
mod moving;
mod outcomes;
mod phases;
mod program;
mod reload;
mod rewriting;
mod routing;
mod secrets;
mod status;
mod streams;
mod support;
mod tls;
mod trace;
mod upgrade;
