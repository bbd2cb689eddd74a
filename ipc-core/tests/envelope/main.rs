//! The wire format as other programs see it: bytes in, bytes out.

mod control;
mod native;
