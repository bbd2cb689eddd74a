//! Decimal numbers as header values.

use std::str::FromStr;

use bytes::Bytes;

/// Reads digits, nothing else: `parse` alone would also take a sign. The quotes
/// that Spring's JSON header mapper may put around text are tolerated.
pub(super) fn read<T: FromStr>(value: &[u8]) -> Option<T> {
    let digits = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(value);
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

pub(super) fn write(number: impl Into<u64>) -> Bytes {
    number.into().to_string().into()
}
