use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_steps_give_the_bytes_in_order(
        segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
        steps in prop::collection::vec(1_usize..60, 0..40),
    ) {
        let whole: Vec<u8> = segments.concat();
        let mut outgoing = WriteQueue::default();
        outgoing.extend(segments.into_iter().map(Bytes::from));
        let mut written = Vec::new();
        for step in steps {
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = outgoing.chunks_vectored(&mut slices);
            let offered: Vec<u8> = slices[..filled].iter().flat_map(|s| s.to_vec()).collect();
            prop_assert_eq!(offered.is_empty(), outgoing.remaining() == 0);
            let step = step.min(offered.len());
            written.extend_from_slice(&offered[..step]);
            outgoing.advance(step);
            prop_assert_eq!(outgoing.remaining(), whole.len() - written.len());
        }
        prop_assert!(whole.starts_with(&written));
    }
}
