#![doc = include_str!("../README.md")]

mod breaker;
pub mod config;
mod gateway;
pub mod import;
mod metrics;
pub mod migration;
pub mod peer;
pub mod reload;
pub mod routes;
pub mod server;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
pub mod upstream;

pub use config::Config;
pub use server::Shim;
