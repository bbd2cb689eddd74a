use anyhow::{Context, Result};

/// What a request by hand is told by: as long as the framework's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id {
    /// Tells replies to one load from those to earlier ones.
    pub(super) run: u32,
    /// Where its caller hears replies.
    pub(super) partition: i32,
    /// Which of the load's requests it is.
    pub(super) nth: usize,
}

impl Id {
    pub(super) fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&self.run.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.partition.to_be_bytes());
        bytes[8..].copy_from_slice(&self.nth.to_be_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let (run, rest) = bytes
            .split_first_chunk()
            .context("a short correlation id")?;
        let (partition, nth) = rest.split_first_chunk().context("a short correlation id")?;
        Ok(Self {
            run: u32::from_be_bytes(*run),
            partition: i32::from_be_bytes(*partition),
            nth: usize::from_be_bytes(nth.try_into()?),
        })
    }
}
