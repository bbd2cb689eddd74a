//! The wire format as other programs see it: bytes in, bytes out.

mod codec;
mod context;
mod control;
mod dialects;
mod dump;
mod faststream;
mod native;
mod nestjs;
mod smallrye;
mod spring;
mod strategies;
mod trace;
