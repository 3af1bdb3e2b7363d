//! A sum over everything in the DB, to detect when sled silently loses part of it.
//!
//! The sum changes with each group of updates, in the same atomic batch. It doesn't detect that the DB as a whole has gone
//! back to an earlier state; the revision in the journal does.

use std::path::Path;

use super::error::{broken, damaged, failure, whole};
use crate::checkpoint::{envelope, layout};
use crate::error::Result;

/// No space has this number.
pub(super) const KEY: &[u8] = b"\xffsum";

/// The contribution of an entry to the sum, from its key and its value in the envelope.
pub(super) fn weight(key: &[u8], sealed: &[u8]) -> u64 {
    let of_key = u64::from(crc32c::crc32c(key));
    let of_value = u64::from(crc32c::crc32c(sealed));
    mix(of_key << 32 | of_value)
}

/// Spreads similar inputs (the finalizer of splitmix64).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// Reads everything, compares it with the stored sum, and returns the sum.
///
/// Errors: something is damaged or missing, or only readers of a later layout may use it. A DB without a sum predates sums
/// and passes.
pub(super) fn check(database: &sled::Tree, directory: &Path) -> Result<u64> {
    let mut sum: u64 = 0;
    let mut expected = None;
    for entry in database {
        let (key, sealed) = entry.map_err(|error| failure(directory, error))?;
        let value = envelope::open(&key, &sealed).map_err(|damage| match damage {
            envelope::Damage::Version(_) => layout::refused(whole(directory), damage),
            envelope::Damage::Checksum => broken(directory, damaged(directory, &key, damage)),
        })?;
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
