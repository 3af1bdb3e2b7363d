//! Unsigned numbers in groups of seven bits, lowest first, with exactly one encoding per number.

/// Appends a number.
pub(super) fn write(mut number: u64, bytes: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Takes a number off the front; `None` if it is cut short, exceeds 64 bits or is longer than necessary.
pub(super) fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let group = u64::from(byte & 0x7f);
        if group << shift >> shift != group || (byte == 0 && shift > 0) {
            return None;
        }
        number |= group << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_number_has_one_encoding_and_overlong_ones_are_refused() {
        for refused in [
            &[][..],
            &[0x80],
            &[0x80, 0],
            &[0xff; 10],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
        ] {
            assert_eq!(read(&mut &*refused), None, "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(number: u64, bits in 0_u32..64, behind: u8) {
            let number = number >> bits;
            let mut bytes = Vec::new();
            write(number, &mut bytes);
            bytes.push(behind);
            let mut rest = &bytes[..];
            prop_assert_eq!(read(&mut rest), Some(number));
            prop_assert_eq!(rest, &[behind]);
        }
    }
}
