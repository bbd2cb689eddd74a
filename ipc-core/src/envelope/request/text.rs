//! Text as header values, with the quotes that some senders put around it.

use bytes::Bytes;
use bytestring::ByteString;

use super::Malformed;

pub(super) fn read(name: &'static str, value: &Bytes) -> Result<ByteString, Malformed> {
    let expected = "UTF-8 text";
    ByteString::try_from(value.clone())
        .map(unquote)
        .map_err(|_| Malformed::Invalid { name, expected })
}

/// Spring's JSON header mapper may put string headers between quotes.
fn unquote(text: ByteString) -> ByteString {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return text;
    };
    if inner.contains('\\') {
        return serde_json::from_str::<String>(&text).map_or(text, ByteString::from);
    }
    text.slice_ref(inner)
}
