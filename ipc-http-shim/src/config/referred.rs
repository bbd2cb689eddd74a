//! The files that a configuration refers to.

use std::collections::BTreeSet;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::document::Document;
use super::overrides::Overrides;
use super::{secret, tls};

/// The tables whose keys name files.
const TABLES: [&str; 2] = ["tls", "legacy_tls"];

/// The files that `text`, the contents of `file`, and `overrides` refer to, be the
/// configuration right or wrong: those of secrets, certificates and keys.
pub(crate) fn referred(file: &str, text: &str, overrides: &Overrides) -> BTreeSet<PathBuf> {
    let document = Document::parse(file, text);
    let root = document.root.get_ref();
    let mut files = BTreeSet::new();
    in_table(root, &mut files);
    for table in TABLES {
        let table = root.get(table).and_then(|table| table.get_ref().as_table());
        let values = tls::FILES.iter().filter_map(|key| table?.get(*key));
        let paths = values.filter_map(|value| value.get_ref().as_str());
        files.extend(paths.map(PathBuf::from));
    }
    for (_, over) in &overrides.kafka {
        files.extend(secret::files(&over.value).map(PathBuf::from));
    }
    files
}

fn in_table(table: &DeTable<'_>, files: &mut BTreeSet<PathBuf>) {
    for value in table.values() {
        in_value(value.get_ref(), files);
    }
}

fn in_value(value: &DeValue<'_>, files: &mut BTreeSet<PathBuf>) {
    match value {
        DeValue::String(text) => files.extend(secret::files(text).map(PathBuf::from)),
        DeValue::Table(table) => in_table(table, files),
        DeValue::Array(items) => {
            for item in items.iter() {
                in_value(item.get_ref(), files);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_secrets_certificates_and_keys_are_found_wherever_they_stand() {
        let text = "kafka.sasl.password = \"${file:/a}\"\n\
                    [tls]\ncertificate = \"/b\"\nkey = \"/c\"\n\
                    [[routes]]\nrequest_headers.set = { x = \"Bearer ${file:/d} ${env:E}\" }\n\
                    colour = 5\n";

        let found = referred("shim.toml", text, &Overrides::default());

        let expected = ["/a", "/b", "/c", "/d"].map(PathBuf::from);
        assert_eq!(found, BTreeSet::from(expected));
    }
}
