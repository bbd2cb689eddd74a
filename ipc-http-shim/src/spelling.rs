//! One spelling for paths that are the same.

use std::borrow::Cow;

/// The path with every character that needs no percent-encoding as itself. RFC 3986,
/// 6.2.2.2 has `/%61dmin` and `/admin` be one path, and so have servers that decode.
pub(crate) fn usual(path: &str) -> Cow<'_, str> {
    let Some(first) = path.find('%') else {
        return Cow::Borrowed(path);
    };
    let (mut usual, mut rest) = (path[..first].to_owned(), &path[first..]);
    while let Some(at) = rest.find('%') {
        usual.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match encoded(rest.as_bytes()) {
            Some(byte) if is_unreserved(byte) => {
                usual.push(char::from(byte));
                3
            }
            _ => {
                usual.push('%');
                1
            }
        };
        rest = &rest[taken..];
    }
    usual.push_str(rest);
    Cow::Owned(usual)
}

/// The byte that `%` and two digits stand for, at the begin of `text`.
fn encoded(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else {
        return None;
    };
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_needs_no_encoding_is_decoded_and_only_once() {
        for (path, expected) in [
            ("/a/b", "/a/b"),
            ("/%61dmin/%7Ex", "/admin/~x"),
            ("/a%2Fb%20%e9", "/a%2Fb%20%e9"),
            ("/%2561", "/%2561"),
            ("/%4", "/%4"),
            ("/%\u{e9}%41", "/%\u{e9}A"),
            ("/%%41", "/%A"),
        ] {
            assert_eq!(usual(path), expected);
        }
    }

    proptest! {
        /// No percent sign stands alone: it might gain digits, and is refused before.
        #[test]
        fn it_decodes_to_the_same_bytes(path in "/([a-z/.~]|%[0-9a-fA-F]{2}|[\\PC--%]){0,20}") {
            let usual = usual(&path);
            prop_assert!(percent_decode_str(&usual).eq(percent_decode_str(&path)));
            prop_assert_eq!(super::usual(&usual), usual.as_ref());
        }
    }
}
