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
        assert_eq!(read_number(&mut &*refused), None, "{refused:?}");
    }
}

proptest! {
    #[test]
    fn numbers_come_back(number: u64, bits in 0_u32..64, behind: u8) {
        let number = number >> bits;
        let mut bytes = Vec::new();
        write_number(number, &mut bytes);
        bytes.push(behind);
        let mut rest = &bytes[..];
        prop_assert_eq!(read_number(&mut rest), Some(number));
        prop_assert_eq!(rest, &[behind]);
    }
}
