//! The uppermost stratum: HTTP applications served to delivered records.

mod adapter;
mod caller;
mod client;
pub mod headers;
mod pieces;
mod request;
mod response;
mod routed;
mod status;

pub use adapter::HttpAdapter;
pub use caller::{Reserved, request_record, response_parts};
pub use request::set_default_route;
pub use response::{CHUNK_BYTES, RECORD_BYTES};
pub use routed::mark_matched;
