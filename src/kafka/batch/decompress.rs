//! Bounded decompression, shared by all codecs.

use std::io::{self, Read};

/// The reason why a body could not be decompressed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The body decompresses to more than the limit.
    TooLarge,
    /// The body isn't valid output of the codec.
    Broken(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Reads everything from `reader`, if it is at most `limit` bytes.
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
