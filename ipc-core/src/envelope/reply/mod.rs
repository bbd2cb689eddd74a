//! The typed reading and writing of a reply record's headers.

mod head;
mod writer;

pub use head::ReplyHead;
pub use writer::{ReplyPart, ReplyWriter};
