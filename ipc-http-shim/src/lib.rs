#![doc = include_str!("../README.md")]

mod access_log;
pub mod auth;
mod breaker;
mod cache;
pub mod config;
mod gateway;
pub mod import;
mod kept;
mod limits;
mod metrics;
pub mod migration;
mod operations;
pub mod peer;
pub mod reload;
mod request_id;
pub mod server;
mod sockets;
mod spelling;
mod spent;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
pub mod upstream;
mod watched;
pub mod worker;

pub use config::Config;
pub use server::Shim;
