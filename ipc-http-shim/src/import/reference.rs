//! What stands elsewhere in a description.

use percent_encoding::percent_decode_str;
use toml::de::DeTable;

use crate::config::section::text_of;

/// How many references are followed, one from the other: more lead in a circle.
const MOST: usize = 8;

/// What a table says: itself, or what its `$ref` leads to; `None` where that is in
/// another document, or nowhere.
pub(super) fn followed<'d>(
    root: &'d DeTable<'d>,
    table: &'d DeTable<'d>,
) -> Option<&'d DeTable<'d>> {
    let mut found = table;
    for _ in 0..MOST {
        let Some(reference) = found.get("$ref") else {
            return Some(found);
        };
        found = pointed_at(root, &text_of(reference.get_ref())?)?;
    }
    None
}

/// By a JSON pointer in a fragment: RFC 6901, section 6.
fn pointed_at<'d>(root: &'d DeTable<'d>, reference: &str) -> Option<&'d DeTable<'d>> {
    let pointer = percent_decode_str(reference.strip_prefix("#/")?);
    let pointer = pointer.decode_utf8().ok()?;
    pointer.split('/').try_fold(root, |table, key| {
        let key = key.replace("~1", "/").replace("~0", "~");
        table.get(key.as_str())?.get_ref().as_table()
    })
}
