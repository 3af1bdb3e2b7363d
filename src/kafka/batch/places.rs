//! Places for large batches: few threads of the process hold one decompressed at a time.
//!
//! The only wait in a pure module; it ends, because a thread that has a place waits for nothing.

use std::cell::Cell;
use std::marker::PhantomData;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::Codec;
use super::decompress::Failure;

/// Up to this size in bytes, decompressed records need no place.
const SMALL: usize = 4 << 20;
/// How many threads hold larger ones at a time.
const PLACES: usize = 2;

/// The places that are taken.
static TAKEN: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

thread_local! {
    /// How many [`Place`]s this thread has. It waits for the first only, so that threads don't wait for each other.
    static OWN: Cell<usize> = const { Cell::new(0) };
}

/// The right to hold a large body decompressed. It stays in its thread, which can't wait for anything else meanwhile.
#[derive(Debug)]
pub(super) struct Place(PhantomData<*const ()>);

impl Place {
    /// Waits until a place is free.
    fn take() -> Self {
        let own = OWN.get();
        if own == 0 {
            let mut taken = TAKEN.lock();
            FREED.wait_while(&mut taken, |taken| *taken >= PLACES);
            *taken += 1;
        }
        OWN.set(own + 1);
        Self(PhantomData)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let left = OWN.get() - 1;
        OWN.set(left);
        if left == 0 {
            *TAKEN.lock() -= 1;
            FREED.notify_one();
        }
    }
}

/// Decompresses a body to at most `limit` bytes, with a place if they are many.
pub(super) fn decompress(
    codec: Codec,
    body: Bytes,
    limit: usize,
) -> Result<(Bytes, Option<Place>), Failure> {
    match codec.decompress(body.clone(), limit.min(SMALL)) {
        Err(Failure::TooLarge) if limit > SMALL => {
            let place = Place::take();
            Ok((codec.decompress(body, limit)?, Some(place)))
        }
        result => Ok((result?, None)),
    }
}

#[cfg(test)]
mod tests;
