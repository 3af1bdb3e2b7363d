//! Decompression within a limit, shared by all codecs.

use std::io::{self, Read};

/// Why a body could not be decompressed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It holds more than the limit.
    TooLarge,
    /// It is not what the codec writes.
    Broken(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Everything a reader yields, if it is at most `limit` bytes.
pub(super) fn read_within(reader: impl Read, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut plain = Vec::new();
    // One byte more than allowed distinguishes a body that is too large from one that just fits.
    let most = u64::try_from(limit).map_or(u64::MAX, |limit| limit.saturating_add(1));
    reader.take(most).read_to_end(&mut plain)?;
    if plain.len() > limit {
        return Err(Failure::TooLarge);
    }
    Ok(plain)
}
