//! Updating the checksum after a change at the beginning of the bytes, without reading the rest.
//!
//! A CRC is a remainder of polynomials over GF(2), so the effect of a change at the beginning depends only on the
//! change and on how many bytes follow (the identity behind zlib's `crc32_combine`). Besides saving time, this extends
//! the protection of the checksum verified on arrival to the bytes that are passed on: if they are corrupted here, the
//! receiver detects it. Pure.

/// The polynomial of CRC-32C (Castagnoli) with the lowest power in the highest bit and the highest power omitted.
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// The polynomial 1 in that bit order.
const ONE: u32 = 1 << 31;
/// `SHIFTS[n]` is x to the power of 8·2ⁿ: the effect of 2ⁿ bytes that follow a change. A body is shorter than 2³¹
/// bytes.
const SHIFTS: [u32; 31] = shifts();

/// Returns the checksum of `changed` followed by some bytes, given `whole`, the checksum of `original` followed by the
/// same bytes.
///
/// `original` and `changed` have the same length; `rest` is the number of bytes that follow.
pub(super) fn changed_beginning(whole: u32, original: &[u8], changed: &[u8], rest: usize) -> u32 {
    debug_assert_eq!(original.len(), changed.len(), "nothing moves");
    let change = crc32c::crc32c(original) ^ crc32c::crc32c(changed);
    whole ^ shift(change, rest)
}

/// Appends `bytes` zero bytes to `value`.
fn shift(value: u32, bytes: usize) -> u32 {
    let powers = SHIFTS.iter().enumerate();
    let needed = powers.filter(|(power, _)| bytes >> power & 1 == 1);
    needed.fold(value, |value, (_, &power)| product(value, power))
}

const fn shifts() -> [u32; 31] {
    // x to the power of 8.
    let mut powers = [ONE >> 8; 31];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = product(powers[n - 1], powers[n - 1]);
        n += 1;
    }
    powers
}

/// The product modulo the polynomial.
const fn product(one: u32, other: u32) -> u32 {
    let (mut left, mut shifted, mut sum) = (one, other, 0);
    while left != 0 {
        // Masks the term without a branch: all ones if the bit is set.
        sum ^= shifted & (left >> 31).wrapping_neg();
        shifted = (shifted >> 1) ^ (POLYNOMIAL & (shifted & 1).wrapping_neg());
        left <<= 1;
    }
    sum
}

#[cfg(test)]
mod tests;
