//! Values from outside as text that is fit for a terminal or for JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// Text without what a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Bytes as text where they are UTF-8, else in hexadecimal.
pub(crate) fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text),
        Err(_) => bytes
            .iter()
            .fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}

/// Bytes in JSON: text where they are UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Bytes {
    Text(String),
    Raw { base64: String },
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Raw {
                base64: STANDARD.encode(bytes),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_that_is_shown_steers_a_terminal(bytes: Vec<u8>, text in ".*") {
            prop_assert!(!shown(&bytes).chars().any(char::is_control));
            prop_assert!(!shown(text.as_bytes()).chars().any(char::is_control));
        }
    }

    #[test]
    fn text_is_shown_as_it_is_and_other_bytes_as_numbers() {
        assert_eq!(shown("größer".as_bytes()), "größer");
        assert_eq!(shown(b"a\x1b[2J\n"), r"a\u{1b}[2J\n");
        assert_eq!(shown(&[0xff, 0]), "0xff00");
    }
}
