//! Snappy as Kafka's clients write it: blocks in the framing of Java's snappy library, or a single unframed block.

use std::io;

use super::decompress::Failure;

const MAGIC: &[u8] = b"\x82SNAPPY\0";
/// The framing's version, and the oldest version whose readers can read it.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
/// The plain size of the blocks that Java writes, in bytes; its reader accepts any size.
const BLOCK: usize = 32 * 1024;

/// Compresses with Java's framing, which every client reads.
pub(super) fn compress(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = snap::raw::Encoder::new();
    let mut body = [MAGIC, &VERSIONS].concat();
    for block in plain.chunks(BLOCK) {
        let packed = encoder.compress_vec(block)?;
        let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(&packed);
    }
    Ok(body)
}

/// Decompresses both forms. An unframed block cannot begin with the magic: its length must be followed by a literal.
pub(super) fn decompress(body: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let mut plain = Vec::new();
    let Some(framed) = body.strip_prefix(MAGIC) else {
        append(&mut plain, body, limit)?;
        return Ok(plain);
    };
    let mut rest = framed.get(VERSIONS.len()..).ok_or_else(cut_off)?;
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(io::Error::other)?;
        let (block, behind) = behind.split_at_checked(length).ok_or_else(cut_off)?;
        append(&mut plain, block, limit)?;
        rest = behind;
    }
    Ok(plain)
}

fn append(plain: &mut Vec<u8>, block: &[u8], limit: usize) -> Result<(), Failure> {
    let start = plain.len();
    let length = snap::raw::decompress_len(block).map_err(io::Error::from)?;
    if length > limit - start {
        return Err(Failure::TooLarge);
    }
    plain.resize(start + length, 0);
    snap::raw::Decoder::new()
        .decompress(block, &mut plain[start..])
        .map_err(io::Error::from)?;
    Ok(())
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a snappy block is cut off")
}

#[cfg(test)]
mod tests;
