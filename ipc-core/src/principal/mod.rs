//! Keys with which a gateway vouches for its clients, and by which a service knows.
//!
//! With Ed25519 ([`SigningKey::ed25519`]) a service that is broken into cannot vouch for
//! anybody: it has the public key only. With HMAC-SHA256 ([`SigningKey::hmac`]) every
//! service that has the secret can vouch as well as the gateway; it is a little faster.
//!
//! ```
//! use ipc_core::principal::{SigningKey, VerifyingKeys};
//! use ipc_core::service::Service;
//!
//! # fn main() -> Result<(), ipc_core::principal::InvalidKey> {
//! let gateway = SigningKey::hmac("2026-a", &[7; 32])?;
//! // Several: the next one is made known here before a gateway signs with it.
//! let keys = VerifyingKeys::new()
//!     .hmac("2026-a", &[7; 32])?
//!     .hmac("2026-b", &[8; 32])?;
//! let service = Service::builder("orders").principals(keys);
//! # let _ = (gateway, service);
//! # Ok(())
//! # }
//! ```

mod assertion;
mod claims;
mod keys;
#[cfg(test)]
mod tests;
mod vouching;

pub use keys::{InvalidKey, SigningKey, VerifyingKeys};
pub use vouching::Vouching;

pub use crate::envelope::Principal;
