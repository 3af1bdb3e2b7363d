//! A message of format v0 or v1 on the wire.

use bytes::Bytes;

use super::super::header::MAGIC_AT;
use super::super::varint::{Checked, Fields};
use super::super::{BatchError, Codec};

/// Offset and size precede the bytes that the size counts.
const SIZE_END: usize = 12;
/// The end of the checksum, which covers everything after itself.
const CRC_END: usize = 16;
const CODEC: u8 = 0b111;
const LOG_APPEND_TIME: u8 = 1 << 3;
/// The timestamp of a v0 message, which has none.
const NO_TIMESTAMP: i64 = -1;

/// Whether `bytes` begin with a message of an old format.
pub(in super::super) fn is_old(bytes: &[u8]) -> bool {
    matches!(bytes.get(MAGIC_AT), Some(0 | 1))
}

/// A message, or a compressed set of messages.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) offset: i64,
    /// Its size in bytes, from its offset to its end.
    pub(super) size: usize,
    pub(super) magic: u8,
    attributes: u8,
    pub(super) timestamp: i64,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
}

impl Message {
    /// Reads the first message; `None` if it is incomplete.
    pub(super) fn peek(bytes: &Bytes) -> Result<Option<Self>, BatchError> {
        let mut head = Fields(bytes);
        let (Ok(offset), Ok(length)) = (head.i64(), head.i32()) else {
            return Ok(None);
        };
        let malformed = |what| BatchError::Malformed { offset, what };
        let length = usize::try_from(length).map_err(|_| malformed("its length is negative"))?;
        let size = SIZE_END + length;
        if bytes.len() < size {
            return Ok(None);
        }
        let whole = bytes.slice(..size);
        check_crc(&whole, offset)?;
        Self::read(&whole, offset).map(Some).map_err(malformed)
    }

    fn read(whole: &Bytes, offset: i64) -> Checked<Self> {
        let mut fields = Fields(whole);
        fields.bytes(CRC_END)?;
        let magic = fields.byte()?;
        let attributes = fields.byte()?;
        let timestamp = match magic {
            0 => NO_TIMESTAMP,
            1 => fields.i64()?,
            _ => return Err("a message inside it has another format"),
        };
        let (key, value) = (bytes_or_null(&mut fields)?, bytes_or_null(&mut fields)?);
        if !fields.0.is_empty() {
            return Err("bytes follow its value");
        }
        Ok(Self {
            offset,
            size: whole.len(),
            magic,
            attributes,
            timestamp,
            key: key.map(|key| whole.slice_ref(key)),
            value: value.map(|value| whole.slice_ref(value)),
        })
    }

    /// The compression of the messages inside it; [`Codec::None`] if it is a single message.
    pub(super) fn codec(&self) -> Result<Codec, BatchError> {
        let number = i16::from(self.attributes & CODEC);
        // Zstandard was introduced after these formats.
        Codec::from_number(number)
            .filter(|&codec| codec != Codec::Zstd)
            .ok_or(BatchError::UnknownCodec(number))
    }

    /// Whether its timestamp, and that of the messages inside it, is the append time.
    pub(super) fn has_append_time(&self) -> bool {
        self.magic == 1 && self.attributes & LOG_APPEND_TIME != 0
    }
}

fn check_crc(whole: &[u8], offset: i64) -> Result<(), BatchError> {
    let (Some(stored), Some(covered)) = (
        whole.get(SIZE_END..).and_then(<[u8]>::first_chunk),
        whole.get(CRC_END..),
    ) else {
        let what = "its length is less than a message's";
        return Err(BatchError::Malformed { offset, what });
    };
    let mut crc = flate2::Crc::new();
    crc.update(covered);
    let (stored, computed) = (u32::from_be_bytes(*stored), crc.sum());
    if stored == computed {
        return Ok(());
    }
    Err(BatchError::Crc {
        offset,
        stored,
        computed,
    })
}

fn bytes_or_null<'a>(fields: &mut Fields<'a>) -> Checked<Option<&'a [u8]>> {
    match fields.i32()? {
        -1 => Ok(None),
        length => {
            let length = usize::try_from(length).map_err(|_| "a length is negative")?;
            fields.bytes(length).map(Some)
        }
    }
}

/// Returns the LZ4 frame with the header checksum that the frame format requires. In v0, and only there, Kafka also
/// hashed the magic number (KAFKA-3160), so a reader has to accept both.
pub(super) fn with_right_lz4_checksum(frame: &Bytes) -> Bytes {
    const DESCRIPTOR: usize = 4;
    const HAS_CONTENT_SIZE: u8 = 1 << 3;
    let Some(flags) = frame.get(DESCRIPTOR) else {
        return frame.clone();
    };
    let content_size = if flags & HAS_CONTENT_SIZE == 0 { 0 } else { 8 };
    let checksum_at = DESCRIPTOR + 2 + content_size;
    let (Some(descriptor), true) = (
        frame.get(DESCRIPTOR..checksum_at),
        frame.len() > checksum_at,
    ) else {
        return frame.clone();
    };
    let hash = twox_hash::XxHash32::oneshot(0, descriptor);
    let mut mended = frame.to_vec();
    mended[checksum_at] = hash.to_le_bytes()[1];
    Bytes::from(mended)
}
