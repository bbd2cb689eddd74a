//! Text as header values.

use bytes::Bytes;
use bytestring::ByteString;

/// Reads UTF-8, without the quotes that Spring's JSON header mapper may put
/// around it.
pub(super) fn read(value: &Bytes) -> Option<ByteString> {
    let text = ByteString::try_from(value.clone()).ok()?;
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return Some(text);
    };
    if inner.contains('\\') {
        return Some(serde_json::from_str::<String>(&text).map_or(text, ByteString::from));
    }
    Some(text.slice_ref(inner))
}
