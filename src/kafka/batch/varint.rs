//! Zigzag varints, and length-prefixed fields with every length checked.

use bytes::BufMut;

/// A result whose error describes the defect; a caller that knows the batch adds its offset.
pub(super) type Checked<T> = Result<T, &'static str>;

/// Writes a number in the encoding of Kafka's records: zigzag, seven bits per byte, lowest first.
pub(super) fn put_varint(buffer: &mut impl BufMut, value: i64) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        buffer.put_u8(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    buffer.put_u8(rest.to_le_bytes()[0]);
}

/// Writes the length of something in memory.
pub(super) fn put_length(buffer: &mut impl BufMut, length: usize) {
    put_varint(buffer, i64::try_from(length).unwrap_or(i64::MAX));
}

/// The number of bytes that [`put_varint`] writes.
pub(super) fn varint_len(value: i64) -> usize {
    let significant = (zigzag(value) | 1).ilog2() + 1;
    significant.div_ceil(7) as usize
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// Reads fields from the front of a slice.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn byte(&mut self) -> Checked<u8> {
        let (&first, rest) = self.0.split_first().ok_or("a field is cut off")?;
        self.0 = rest;
        Ok(first)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Checked<&'a [u8]> {
        let (field, rest) = self
            .0
            .split_at_checked(length)
            .ok_or("a length points past the end")?;
        self.0 = rest;
        Ok(field)
    }

    /// A fixed-size number, big-endian.
    pub(super) fn i32(&mut self) -> Checked<i32> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or("a field is cut off")?;
        self.0 = rest;
        Ok(i32::from_be_bytes(*bytes))
    }

    /// A fixed-size number, big-endian.
    pub(super) fn i64(&mut self) -> Checked<i64> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or("a field is cut off")?;
        self.0 = rest;
        Ok(i64::from_be_bytes(*bytes))
    }

    pub(super) fn varint(&mut self) -> Checked<i64> {
        let mut bits = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            bits |= part << shift;
            if byte < 0x80 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err("a number is longer than 64 bits")
    }

    /// A length or count that must not be null.
    pub(super) fn length(&mut self) -> Checked<usize> {
        usize::try_from(self.varint()?).map_err(|_| "a length is negative")
    }

    /// A length-prefixed field; any negative length means null, as brokers and consumers read it.
    pub(super) fn nullable(&mut self) -> Checked<Option<&'a [u8]>> {
        match usize::try_from(self.varint()?) {
            Ok(length) => self.bytes(length).map(Some),
            Err(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
