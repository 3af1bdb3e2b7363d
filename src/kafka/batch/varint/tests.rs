use super::*;
use proptest::prelude::*;

fn written(value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, value);
    bytes
}

#[test]
fn small_numbers_take_one_byte_and_the_largest_take_ten() {
    assert_eq!(written(0), [0]);
    assert_eq!(written(-1), [1]);
    assert_eq!(written(63), [126]);
    assert_eq!(written(64), [128, 1]);
    assert_eq!(written(i64::MIN).len(), 10);
}

#[test]
fn too_long_and_cut_off_numbers_are_errors() {
    let mut eleven = Fields(&[
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
    ]);
    assert!(eleven.varint().is_err());
    let mut too_big = Fields(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]);
    assert!(too_big.varint().is_err());
    assert!(Fields(&[0x80]).varint().is_err());
    assert!(Fields(&[1]).length().is_err());
    assert!(Fields(&[4, 0]).nullable().is_err());
}

proptest! {
    #[test]
    fn what_was_written_is_read(value: i64, shift in 0_u32..64) {
        let value = value >> shift;
        let bytes = written(value);
        prop_assert_eq!(bytes.len(), varint_len(value));
        let mut fields = Fields(&bytes);
        prop_assert_eq!(fields.varint(), Ok(value));
        prop_assert!(fields.0.is_empty());
    }
}
