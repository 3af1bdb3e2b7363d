//! Replays the seeds of the fuzz targets, and the vectors of other clients, without a fuzzer.

use std::fs;
use std::path::Path;

use crate::judges;

fn replay(judge: fn(&[u8]), folder: &str) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = 0;
    for entry in fs::read_dir(tests.join(folder)).unwrap() {
        let data = fs::read(entry.unwrap().path()).unwrap();
        judge(&data);
        // Cut off, and with every byte damaged up to a limit: what a fuzzer tries first.
        for at in 0..data.len().min(256) {
            judge(&data[..at]);
            let mut damaged = data.clone();
            damaged[at] ^= 0x80;
            judge(&damaged);
        }
        files += 1;
    }
    assert!(files > 3, "{files} files in {folder}");
}

#[test]
fn any_bytes_are_batches_or_an_error() {
    replay(judges::batch, "fuzz/seeds/batch");
    replay(judges::batch, "vectors");
}

#[test]
fn any_bytes_are_a_response_or_an_error() {
    replay(judges::response, "fuzz/seeds/response");
}

#[test]
fn any_records_are_a_journal_or_an_error() {
    replay(judges::journal, "fuzz/seeds/journal");
}

#[test]
fn any_bytes_are_a_configuration_or_a_list_of_problems() {
    replay(judges::configuration, "fuzz/seeds/configuration");
}
