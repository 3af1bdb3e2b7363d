//! Why bytes are not a usable record batch.

use std::io;

use super::Codec;
use crate::error::{Error, Kind};

/// An error in a batch, with its base offset.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// A format this program doesn't know, or not a batch at all.
    #[error("the batch at offset {offset} has the unknown format v{magic}")]
    UnknownFormat {
        /// The format in the header.
        magic: i8,
        /// The value at the position of the base offset.
        offset: i64,
    },
    /// The batch differs from what was written.
    #[error(
        "the batch at offset {offset} is corrupt: its header says CRC {stored:#010x}, its bytes give {computed:#010x}"
    )]
    Crc {
        /// The batch's base offset (not covered by the CRC).
        offset: i64,
        /// The CRC in the header.
        stored: u32,
        /// The CRC of the bytes.
        computed: u32,
    },
    /// Header, body or a record contradict each other.
    #[error("the batch or record at offset {offset} is malformed: {what}")]
    Malformed {
        /// The batch's base offset, or the record's offset.
        offset: i64,
        /// The contradiction.
        what: &'static str,
    },
    /// The attributes name a codec this program doesn't know.
    #[error("the compression type {0} is unknown")]
    UnknownCodec(i16),
    /// The body isn't valid output of the codec named in the attributes.
    #[error("the {codec} body of the batch at offset {offset} cannot be decompressed")]
    Decompress {
        /// The batch's base offset.
        offset: i64,
        codec: Codec,
        source: io::Error,
    },
    /// The body decompresses to more than is reasonable.
    #[error("the batch at offset {offset} decompresses to more than {limit} bytes")]
    TooLarge {
        /// The batch's base offset.
        offset: i64,
        /// The limit in bytes.
        limit: usize,
    },
    /// The body cannot be compressed.
    #[error("a batch cannot be compressed with {codec}")]
    Compress { codec: Codec, source: io::Error },
    /// The records pushed into a builder don't fit in a batch, or there are none.
    #[error("a batch cannot be built: {0}")]
    Unbuildable(&'static str),
}

impl From<BatchError> for Error {
    fn from(error: BatchError) -> Self {
        Self::new(Kind::Invalid, "a record batch cannot be used").caused_by(error)
    }
}
