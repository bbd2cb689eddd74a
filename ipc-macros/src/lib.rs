//! The macros of `ipc-core`: `#[endpoint]` and `contract!`. Use them through
//! `ipc_core::prelude`; their documentation is there.

mod contract;
mod diagnostics;
mod endpoint;
#[cfg(test)]
mod golden;
mod ipc_core;

use proc_macro::TokenStream;

/// Declares the contract of a handler. See `ipc_core::endpoint`.
#[proc_macro_attribute]
pub fn endpoint(attr: TokenStream, item: TokenStream) -> TokenStream {
    endpoint::endpoint(attr.into(), item.into()).into()
}

/// Declares contracts without handlers. See `ipc_core::contract!`.
#[proc_macro]
pub fn contract(input: TokenStream) -> TokenStream {
    contract::contract(input.into()).into()
}
