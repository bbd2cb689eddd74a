//! Where generated code finds `ipc-core`.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::Path;

/// The path of the module generated code names everything through: what the
/// option `crate = ..` says, else the name the calling crate's manifest gives
/// `ipc-core`, else `ipc_core`.
pub(crate) fn private(option: Option<&Path>) -> TokenStream {
    if let Some(path) = option {
        return quote!(#path::__private);
    }
    let name = match crate_name("ipc-core") {
        Ok(FoundCrate::Name(name)) => name,
        // ipc-core names itself, and another crate may reach it through a third
        Ok(FoundCrate::Itself) | Err(_) => "ipc_core".to_owned(),
    };
    let name = Ident::new(&name, Span::call_site());
    quote!(::#name::__private)
}
