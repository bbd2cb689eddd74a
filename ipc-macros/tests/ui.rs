//! What compiles and what does not, and what the compiler says then. This
//! crate knows `ipc-core` under another name: `ipc`.
//!
//! `TRYBUILD=overwrite` accepts the messages of now.

#[test]
fn what_compiles_and_what_does_not() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
