//! What a client of Postgres says, as far as statements can be counted in it.

/// The messages of one connection's client, as they come in pieces.
#[derive(Default)]
pub(super) struct Statements {
    /// A message of which not all is there.
    rest: Vec<u8>,
}

/// The kind of message that has a prepared statement run, and of those the one kind that
/// brings parameters; `BEGIN`, `SAVEPOINT` and `COMMIT` come as simple queries.
const EXECUTE: u8 = b'E';
const LENGTH: usize = 4;

impl Statements {
    /// How many statements with parameters end in `bytes`.
    pub(super) fn read(&mut self, bytes: &[u8]) -> u64 {
        self.rest.extend_from_slice(bytes);
        let (mut at, mut ended) = (0, 0);
        while let Some(length) = whole(&self.rest[at..]) {
            ended += u64::from(self.rest[at] == EXECUTE);
            at += length;
        }
        self.rest.drain(..at);
        ended
    }
}

/// How long the message is with which `bytes` begins, where all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    // The first messages of a connection have no kind, and are short: they begin with 0.
    let kind = usize::from(*bytes.first()? != 0);
    let length = bytes.get(kind..kind + LENGTH)?.try_into().ok()?;
    let length = kind + u32::from_be_bytes(length) as usize;
    (length <= bytes.len()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(LENGTH + body.len()).expect("it is short");
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    #[test]
    fn statements_are_counted_however_their_bytes_come() {
        let startup = [0, 0, 0, 8, 0, 3, 0, 0];
        let said = [
            &startup[..],
            &message(b'Q', b"BEGIN\0"),
            &message(b'B', b"\0EEEE"),
            &message(EXECUTE, b"\0\0\0\0\0"),
            &message(b'S', b""),
            &message(EXECUTE, b"\0\0\0\0\0"),
        ]
        .concat();
        for size in 1..=said.len() {
            let mut statements = Statements::default();
            let ended: u64 = said.chunks(size).map(|it| statements.read(it)).sum();
            assert_eq!(ended, 2, "in pieces of {size}");
            assert!(statements.rest.is_empty());
        }
    }
}
