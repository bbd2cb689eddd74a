//! The macros of `ipc-core`: `#[endpoint]` and `contract!`. Use them through
//! `ipc_core::prelude`; their documentation is there.

#![allow(
    missing_docs,
    reason = "the macros are documented where ipc-core re-exports them"
)]

mod contract;
mod diagnostics;
mod endpoint;
#[cfg(test)]
mod golden;
mod ipc_core;

use proc_macro::TokenStream;

#[proc_macro_attribute]
pub fn endpoint(attr: TokenStream, item: TokenStream) -> TokenStream {
    endpoint::endpoint(attr.into(), item.into()).into()
}

#[proc_macro]
pub fn contract(input: TokenStream) -> TokenStream {
    contract::contract(input.into()).into()
}
