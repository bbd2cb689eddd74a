//! Who is vouched for, and when, as bytes.
//!
//! The time in milliseconds as eight bytes; then credential, issuer, subject and each
//! scope, with its length before it. Numbers are big-endian.

use bytestring::ByteString;

use crate::envelope::{Principal, UnixMillis};

pub(super) fn write(principal: &Principal, at: UnixMillis) -> Vec<u8> {
    let mut bytes = at.0.to_be_bytes().to_vec();
    let named = [&principal.credential, &principal.issuer, &principal.subject];
    for text in named.into_iter().chain(&principal.scopes) {
        // What does not fit this number does not fit a record.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// `None` where the bytes are not claims, or more than claims.
pub(super) fn read(mut bytes: &[u8]) -> Option<(Principal, UnixMillis)> {
    let (at, rest) = bytes.split_first_chunk()?;
    bytes = rest;
    let principal = Principal {
        credential: text(&mut bytes)?,
        issuer: text(&mut bytes)?,
        subject: text(&mut bytes)?,
        scopes: {
            let mut scopes = Vec::new();
            while !bytes.is_empty() {
                scopes.push(text(&mut bytes)?);
            }
            scopes
        },
    };
    Some((principal, UnixMillis(u64::from_be_bytes(*at))))
}

fn text(bytes: &mut &[u8]) -> Option<ByteString> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (text, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(text).ok().map(ByteString::from)
}
