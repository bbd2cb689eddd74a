//! TLS with rustls: what is read from files, towards HTTP clients and towards the
//! legacy upstream. TLS 1.2 and 1.3, with what rustls takes for safe.

mod client;
mod error;
mod expiry;
mod files;
pub(crate) mod metrics;
mod server;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

pub use client::{ClientFiles, ClientIdentity, ClientTls};
pub use error::TlsError;
pub(crate) use expiry::Expiry;
pub use server::{ClientAuth, Clients, ServerFiles, ServerTls};

/// Named wherever it is needed, so that no other part of a process decides it.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
