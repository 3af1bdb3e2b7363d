use super::*;

fn packed(size: usize) -> Bytes {
    Codec::Zstd.compress(Bytes::from(vec![7; size])).unwrap()
}

/// Otherwise threads that compare two large batches could wait for each other for ever.
#[test]
fn a_thread_waits_for_its_first_place_only() {
    let body = packed(SMALL + 1);
    let held: Vec<_> = (0..=PLACES)
        .map(|_| decompress(Codec::Zstd, body.clone(), 2 * SMALL).unwrap())
        .collect();
    assert!(held.iter().all(|(_, place)| place.is_some()));
}

#[test]
fn small_bodies_need_no_place_and_the_limit_is_kept() {
    let (plain, place) = decompress(Codec::Zstd, packed(SMALL), 2 * SMALL).unwrap();
    assert_eq!((plain.len(), place.is_none()), (SMALL, true));
    for limit in [SMALL - 1, SMALL] {
        let refused = decompress(Codec::Zstd, packed(SMALL + 1), limit);
        assert!(matches!(refused, Err(Failure::TooLarge)), "{limit}");
    }
}
