use crate::kafka::batch::testing::keyed;
use crate::kafka::batch::{Builder, Codec};

use super::*;

/// Three records from offset `base` on.
fn three(base: i64) -> Vec<u8> {
    let mut builder = Builder::new(Codec::None);
    for offset in 0..3 {
        builder.push_record(&keyed(offset, 1_000, b"k"));
    }
    let batch = builder.finish_at(base, LeaderEpoch(3)).unwrap();
    batch.bytes().to_vec()
}

/// Returns the base offsets of an answer with such batches to a read at offset 4, where readers see offsets below 20.
fn read_of(bases: &[i64]) -> std::result::Result<Vec<i64>, String> {
    let records: Vec<u8> = bases.iter().flat_map(|base| three(*base)).collect();
    let found = in_order(records.into(), 4, 20).map_err(|error| error.chain())?;
    Ok(found.iter().map(Batch::base_offset).collect())
}

#[test]
fn offsets_that_cannot_be_right_are_an_error() {
    for bases in [&[2, 5, 8][..], &[4, 17], &[9], &[]] {
        assert_eq!(read_of(bases).as_deref(), Ok(bases));
    }
    // Before the offset asked for, beyond what readers see, and before the end of the batch in front.
    for (bases, claim) in [
        (&[1, 5][..], "1 to 3 where 4 is next"),
        (&[4, 18], "18 to 20 where 7 is next"),
        (&[2, 4], "4 to 6 where 5 is next"),
    ] {
        let error = read_of(bases).unwrap_err();
        assert!(error.contains(claim), "{error}");
    }
}

#[test]
fn what_precedes_a_batch_that_is_none_is_returned() {
    let length = 8..12;
    let mut damaged = three(5);
    damaged[length].copy_from_slice(&[0; 4]);
    let behind = [three(2), damaged.clone()].concat();
    let found = in_order(behind.into(), 4, 20).unwrap();
    assert_eq!(found.len(), 1);
    assert!(in_order(damaged.into(), 4, 20).is_err());
}
