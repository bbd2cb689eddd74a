//! Yes or no, and why.

use serde::Serialize;

/// The answer of a probe. Serializes as
/// `{"ok": false, "reasons": [..], "warnings": [..]}`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(into = "Body")]
pub struct Verdict {
    reasons: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Body {
    ok: bool,
    reasons: Vec<String>,
    warnings: Vec<String>,
}

impl Verdict {
    /// Whether nothing speaks against it.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.reasons.is_empty()
    }

    /// What speaks against it.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// What is wrong and does not speak against it.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn fail(&mut self, reason: impl Into<String>) {
        self.reasons.push(reason.into());
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }
}

impl From<Verdict> for Body {
    fn from(verdict: Verdict) -> Self {
        Self {
            ok: verdict.is_ok(),
            reasons: verdict.reasons,
            warnings: verdict.warnings,
        }
    }
}
