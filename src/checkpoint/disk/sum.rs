//! A sum over everything in the DB, so that it is noticed when sled loses a part of it without a word.
//!
//! The sum changes with each group of updates, in the same atomic batch. It doesn't notice when the DB as a whole goes back
//! to an earlier state; the revision in the journal does.

use std::path::Path;

use super::error::{broken, damaged, failure};
use crate::checkpoint::envelope;
use crate::error::Result;

/// No space has this number.
pub(super) const KEY: &[u8] = b"\xffsum";

/// What an entry adds to the sum, by its key and its value in the envelope.
pub(super) fn weight(key: &[u8], sealed: &[u8]) -> u64 {
    let of_key = u64::from(crc32c::crc32c(key));
    let of_value = u64::from(crc32c::crc32c(sealed));
    mix(of_key << 32 | of_value)
}

/// Spreads what is alike (the finaliser of splitmix64).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// Reads everything and compares it with the sum; gives the sum.
///
/// Errors: something is damaged or missing. A DB without a sum was written before there was one.
pub(super) fn check(database: &sled::Tree, directory: &Path) -> Result<u64> {
    let mut sum: u64 = 0;
    let mut expected = None;
    for entry in database {
        let (key, sealed) = entry.map_err(|error| failure(directory, error))?;
        let value = envelope::open(&key, &sealed)
            .map_err(|damage| broken(directory, damaged(directory, &key, damage)))?;
        if key == KEY {
            expected = value.try_into().ok().map(u64::from_be_bytes);
        } else {
            sum = sum.wrapping_add(weight(&key, &sealed));
        }
    }
    if expected.is_some_and(|expected| expected != sum) {
        return Err(broken(directory, "a part of it is missing"));
    }
    Ok(sum)
}
