//! See `judges.rs`.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz journal tests/fuzz/corpus/journal tests/fuzz/seeds/journal`

#![no_main]

#[path = "../judges.rs"]
#[allow(dead_code, reason = "each target has its judge")]
mod judges;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| judges::journal(data));
