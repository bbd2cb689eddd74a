//! Every expansion as a file: `tests/golden/<case>.in.rs` becomes
//! `<case>.out.rs`. Run with `IPC_BLESS=1` to accept what is generated now.

use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{File, Item};

/// What the compiler would see instead of the file.
fn expanded(source: &str) -> String {
    let file: File = syn::parse_str(source).unwrap();
    let tokens: TokenStream = file.items.into_iter().map(item).collect();
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

fn item(item: Item) -> TokenStream {
    match item {
        Item::Macro(call) if call.mac.path.is_ident("contract") => {
            crate::contract::contract(call.mac.tokens)
        }
        Item::Fn(mut function) => {
            let at = function
                .attrs
                .iter()
                .position(|attr| attr.path().is_ident("endpoint"))
                .unwrap();
            let attr = function.attrs.remove(at);
            let arguments = attr.meta.require_list().unwrap().tokens.clone();
            crate::endpoint::endpoint(arguments, quote!(#function))
        }
        other => quote!(#other),
    }
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".in.rs"))
        .collect();
    cases.sort();
    cases
}

#[test]
fn expansions_are_as_recorded() {
    let bless = env::var_os("IPC_BLESS").is_some();
    let mut changed = Vec::new();
    for input in cases() {
        let output = PathBuf::from(input.to_string_lossy().replace(".in.rs", ".out.rs"));
        let now = expanded(&fs::read_to_string(&input).unwrap());
        let recorded = fs::read_to_string(&output).unwrap_or_default();
        if bless {
            fs::write(&output, &now).unwrap();
        } else if now != recorded {
            changed.push(format!("--- {}\n{now}", output.display()));
        }
    }
    assert!(
        changed.is_empty(),
        "expansions differ from those recorded; IPC_BLESS=1 accepts them:\n{}",
        changed.join("\n")
    );
    assert!(!cases().is_empty());
}
