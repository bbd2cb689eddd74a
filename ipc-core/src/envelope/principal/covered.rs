//! What of a request a signature covers.

/// What of a request a signature covers, beside who is vouched for and when: a request
/// that differs in any of it is another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Covered<'r> {
    /// Its correlation id, as it stands in the record.
    pub correlation_id: &'r [u8],
    /// The HTTP method.
    pub method: &'r str,
    /// The path with its query.
    pub path: &'r str,
    /// The record's key, where it has one.
    pub key: Option<&'r [u8]>,
    /// Whether it is a copy of a request that is answered elsewhere.
    pub shadow: bool,
    /// The whole body, however many records it takes.
    pub body: &'r [u8],
}

/// Sets what is signed apart from everything else that the same key may sign.
const DOMAIN: &[u8] = b"ipc-principal-v1\0";

impl Covered<'_> {
    /// The bytes that are signed with the key `key_id` where `claims` are the claims as
    /// they stand in the header, and `digest` is the SHA-256 of the body. Every part has
    /// its length before it, so that no two requests have the same bytes.
    #[must_use]
    pub fn signed_bytes(&self, key_id: &str, claims: &[u8], digest: &[u8; 32]) -> Vec<u8> {
        let parts = [
            key_id.as_bytes(),
            claims,
            self.correlation_id,
            self.method.as_bytes(),
            self.path.as_bytes(),
            self.key.unwrap_or_default(),
        ];
        let length: usize = parts.iter().map(|part| part.len() + 4).sum();
        let mut bytes = Vec::with_capacity(DOMAIN.len() + length + 2 + digest.len());
        bytes.extend_from_slice(DOMAIN);
        for part in parts {
            // No record is as long as this number can say.
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.push(self.key.is_some().into());
        bytes.push(self.shadow.into());
        bytes.extend_from_slice(digest);
        bytes
    }
}
