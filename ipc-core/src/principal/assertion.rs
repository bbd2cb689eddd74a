//! How it stands in a header: `1.<key id>.<claims>.<signature>`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytestring::ByteString;

/// What the value of this version begins with.
const VERSION: &str = "1";

/// The longest value that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// A value of `ipc-principal`, taken apart. Nothing of it is verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Assertion<'v> {
    /// The key it is signed with.
    pub(super) key_id: &'v str,
    /// Who is vouched for, and when, as it was signed.
    pub(super) claims: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl<'v> Assertion<'v> {
    /// Reads a value; `None` where it is not of this version, or not in its parts.
    pub(super) fn parse(value: &'v [u8]) -> Option<Self> {
        if value.len() > LONGEST {
            return None;
        }
        let mut parts = std::str::from_utf8(value).ok()?.split('.');
        let mut part = || parts.next();
        if part()? != VERSION {
            return None;
        }
        let key_id = part()?;
        let claims = URL_SAFE_NO_PAD.decode(part()?).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(part()?).ok()?;
        parts.next().is_none().then_some(Self {
            key_id,
            claims,
            signature,
        })
    }
}

/// Writes a value.
pub(super) fn write(key_id: &str, claims: &[u8], signature: &[u8]) -> ByteString {
    let mut value = format!("{VERSION}.{key_id}.");
    URL_SAFE_NO_PAD.encode_string(claims, &mut value);
    value.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut value);
    value.into()
}
