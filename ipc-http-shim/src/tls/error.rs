//! Why TLS cannot be had from files.

use std::path::Path;

/// A file that TLS cannot be had from. Never says what stands in a key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}: {mend}")]
pub struct TlsError {
    /// The setting that names the file.
    pub(crate) setting: &'static str,
    pub(crate) what: String,
    pub(crate) mend: String,
}

impl TlsError {
    /// What is wrong with the file that `setting` names, as in "holds no certificate".
    pub(super) fn new(
        setting: &'static str,
        file: &Path,
        what: impl AsRef<str>,
        mend: &str,
    ) -> Self {
        Self {
            setting,
            what: format!("{setting} {} {}", file.display(), what.as_ref()),
            mend: mend.to_owned(),
        }
    }
}
