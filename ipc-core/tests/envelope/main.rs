//! The wire format as other programs see it: bytes in, bytes out.

mod codec;
mod context;
mod control;
mod dialects;
mod document;
mod dump;
mod faststream;
mod names;
mod native;
mod nestjs;
mod release;
mod smallrye;
mod spring;
mod strategies;
mod trace;
