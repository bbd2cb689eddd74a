//! What a caller can read beyond a single record.

/// What a caller can read beyond a single record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Accepts {
    /// Bodies cut into chunks.
    pub chunks: bool,
    /// One request, many replies.
    pub stream: bool,
}

impl Accepts {
    /// Everything this crate can read.
    pub const ALL: Self = Self {
        chunks: true,
        stream: true,
    };

    /// The header value; `None` for a caller that reads single records only,
    /// which sends no such header.
    #[must_use]
    pub fn to_header(self) -> Option<&'static str> {
        match (self.chunks, self.stream) {
            (true, true) => Some("chunks, stream"),
            (true, false) => Some("chunks"),
            (false, true) => Some("stream"),
            (false, false) => None,
        }
    }

    /// Reads the header value. Words it does not know are those of later
    /// releases, and ignored.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        if Self::ALL
            .to_header()
            .is_some_and(|all| value == all.as_bytes())
        {
            return Self::ALL;
        }
        let mut accepts = Self::default();
        for word in value.split(|byte| *byte == b',') {
            match word.trim_ascii() {
                b"chunks" => accepts.chunks = true,
                b"stream" => accepts.stream = true,
                _ => {}
            }
        }
        accepts
    }
}
