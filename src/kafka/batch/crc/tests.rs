use proptest::prelude::*;

use super::*;

fn checksum(beginning: &[u8], rest: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(beginning), rest)
}

proptest! {
    #[test]
    fn it_is_the_checksum_of_all_the_bytes(
        (original, changed) in (0..64_usize).prop_flat_map(|len| {
            let bytes = || prop::collection::vec(any::<u8>(), len);
            (bytes(), bytes())
        }),
        rest in prop::collection::vec(any::<u8>(), 0..5_000),
    ) {
        let whole = checksum(&original, &rest);
        let patched = changed_beginning(whole, &original, &changed, rest.len());
        prop_assert_eq!(patched, checksum(&changed, &rest));
    }

    /// The checksum that protects the rest on arrival also protects it on the way out.
    #[test]
    fn a_rest_that_was_damaged_meanwhile_does_not_fit(
        rest in prop::collection::vec(any::<u8>(), 1..500),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let (original, changed) = ([1; 40], [2; 40]);
        let whole = checksum(&original, &rest);
        let mut damaged = rest.clone();
        damaged[at.index(rest.len())] ^= 1 << bit;
        let patched = changed_beginning(whole, &original, &changed, damaged.len());
        prop_assert_ne!(patched, checksum(&changed, &damaged));
    }
}

#[test]
fn a_body_of_16_mib_is_no_exception() {
    let rest = vec![7; 16 * 1024 * 1024 + 1];
    let whole = checksum(b"original", &rest);
    let patched = changed_beginning(whole, b"original", b"changed!", rest.len());
    assert_eq!(patched, checksum(b"changed!", &rest));
}
