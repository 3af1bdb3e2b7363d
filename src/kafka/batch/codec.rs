//! Compression of batch bodies, in the formats that Kafka's clients write.

use std::fmt;
use std::io::{self, Write};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::decompress::{Failure, read_within};
use super::snappy;

/// The compression of a batch's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy blocks in the framing of Java's snappy library; a single unframed block is also accepted.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    Zstd,
}

impl Codec {
    /// Every codec, for enumeration in tests and documents.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The name in Kafka's `compression.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    pub(super) fn number(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    pub(super) fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.number() == number)
    }

    /// Compresses records to a batch body.
    pub(super) fn compress(self, plain: Bytes) -> io::Result<Bytes> {
        let body = match self {
            Self::None => return Ok(plain),
            Self::Gzip => {
                let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
                gzip.write_all(&plain)?;
                gzip.finish()?
            }
            Self::Snappy => snappy::compress(&plain)?,
            Self::Lz4 => {
                // Java's consumer rejects blocks that depend on each other.
                let info = FrameInfo::new()
                    .block_mode(BlockMode::Independent)
                    .block_size(BlockSize::Max64KB);
                let mut lz4 = FrameEncoder::with_frame_info(info, Vec::new());
                lz4.write_all(&plain)?;
                lz4.finish()?
            }
            Self::Zstd => zstd::bulk::compress(&plain, zstd::DEFAULT_COMPRESSION_LEVEL)?,
        };
        Ok(Bytes::from(body))
    }

    /// Decompresses a body to at most `limit` bytes.
    pub(super) fn decompress(self, body: Bytes, limit: usize) -> Result<Bytes, Failure> {
        let plain = match self {
            Self::None => return Ok(body),
            Self::Gzip => read_within(MultiGzDecoder::new(&body[..]), limit)?,
            Self::Snappy => snappy::decompress(&body, limit)?,
            Self::Lz4 => {
                let mut behind = &body[..];
                let plain = read_within(FrameDecoder::new(&mut behind), limit)?;
                if !behind.is_empty() {
                    return Err(Failure::Broken(io::Error::other(
                        "bytes follow the LZ4 frame",
                    )));
                }
                plain
            }
            Self::Zstd => read_within(zstd::Decoder::with_buffer(&body[..])?, limit)?,
        };
        Ok(Bytes::from(plain))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
