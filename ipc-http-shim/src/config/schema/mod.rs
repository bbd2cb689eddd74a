//! The JSON Schema of the configuration file, for editors that complete it.
//!
//! The file itself is read by hand, since that tells mistakes better; tests hold
//! the two together.

#[cfg(test)]
mod agreement;
mod file;

use schemars::generate::SchemaSettings;

/// The JSON Schema (draft 7) of the configuration file, as JSON text. It is shipped
/// as `shim.schema.json`.
#[must_use]
pub fn schema() -> String {
    let generator = SchemaSettings::draft07().into_generator();
    let schema = generator.into_root_schema_for::<file::File>();
    // A schema is JSON already: writing it cannot fail.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
