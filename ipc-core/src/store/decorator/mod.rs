//! Stores and claims that do one thing otherwise than another they stand before.
//!
//! A decorator writes only what it does otherwise. The rest is passed on here and
//! nowhere else: what is added to [`DedupStore`](super::DedupStore) or
//! [`Claimed`](super::Claimed) is added here too.

mod claim;
mod store;

pub use claim::ClaimDecorator;
pub use store::StoreDecorator;
