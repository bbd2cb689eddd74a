//! What a configuration comes to: all of it, or for one request.

mod effective;
mod explain;
mod moving;
mod origin;
mod others;

pub use effective::effective;
pub use explain::{Question, explain};
