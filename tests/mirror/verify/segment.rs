//! Changes records in the log of a stopped broker without the broker noticing: lengths stay right, and checksums if wanted.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

const HEADER: usize = 61;

/// The only segment of a partition's log.
pub(crate) struct Segment {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Segment {
    pub(crate) fn of(data: &Path, topic: &str, partition: i32) -> Self {
        let log = format!("{topic}-{partition}/00000000000000000000.log");
        let path = data.join(log);
        let bytes = fs::read(&path).expect("the log");
        Self { path, bytes }
    }

    /// Replaces the only occurrence of `from` with `to`, which has the same length.
    pub(crate) fn replace(mut self, from: &str, to: &str) -> Self {
        assert_eq!(from.len(), to.len());
        let places: Vec<usize> = self
            .bytes
            .windows(from.len())
            .enumerate()
            .filter_map(|(place, window)| (window == from.as_bytes()).then_some(place))
            .collect();
        assert_eq!(places.len(), 1, "{from} is there once");
        self.bytes[places[0]..places[0] + to.len()].copy_from_slice(to.as_bytes());
        self
    }

    /// Removes the record at an offset and leaves a hole, as compaction does.
    pub(crate) fn without(mut self, offset: i64) -> Self {
        let batches = self.batches();
        let batch = batches
            .into_iter()
            .rfind(|batch| self.i64_at(batch.start) <= offset)
            .expect("a batch");
        let number = usize::try_from(offset - self.i64_at(batch.start)).expect("a small number");
        let mut record = batch.start + HEADER;
        for _ in 0..number {
            record += self.record_size(record);
        }
        let size = self.record_size(record);
        self.bytes.drain(record..record + size);
        self.add(
            batch.start + 8,
            -i32::try_from(size).expect("a small number"),
        );
        self.add(batch.start + 57, -1);
        self.forget_places();
        self
    }

    /// Changes the byte at `at` of the batch with this number; negative positions count from its end.
    pub(crate) fn change(mut self, batch: usize, at: isize, change: impl Fn(u8) -> u8) -> Self {
        let batch = self.batches().swap_remove(batch);
        let from = if at < 0 { batch.end } else { batch.start };
        let at = from.checked_add_signed(at).expect("a position in it");
        self.bytes[at] = change(self.bytes[at]);
        self
    }

    /// The bytes of the batch with this number.
    pub(crate) fn batch(&self, number: usize) -> Vec<u8> {
        self.bytes[self.batches().swap_remove(number)].to_vec()
    }

    /// Makes the broker rebuild its indexes.
    fn forget_places(&self) {
        for derived in ["index", "timeindex"] {
            fs::remove_file(self.path.with_extension(derived)).expect("an index");
        }
    }

    /// Writes the segment back with updated checksums.
    pub(crate) fn store(mut self) {
        for batch in self.batches() {
            let sum = crc32c::crc32c(&self.bytes[batch.start + 21..batch.end]);
            self.bytes[batch.start + 17..batch.start + 21].copy_from_slice(&sum.to_be_bytes());
        }
        self.store_as_it_is();
    }

    /// Writes the segment back with its old checksums.
    pub(crate) fn store_as_it_is(self) {
        fs::write(self.path, self.bytes).expect("the log");
    }

    fn batches(&self) -> Vec<Range<usize>> {
        let mut batches = Vec::new();
        let mut start = 0;
        while start + HEADER <= self.bytes.len() {
            let length = usize::try_from(self.i32_at(start + 8)).expect("a length");
            batches.push(start..start + 12 + length);
            start += 12 + length;
        }
        batches
    }

    /// The size of a record including its length prefix, which is below 8192.
    fn record_size(&self, at: usize) -> usize {
        let low = usize::from(self.bytes[at]);
        if low & 0x80 == 0 {
            return 1 + low / 2;
        }
        2 + ((low & 0x7f) | usize::from(self.bytes[at + 1]) << 7) / 2
    }

    fn i32_at(&self, at: usize) -> i32 {
        i32::from_be_bytes(self.bytes[at..at + 4].try_into().expect("4 bytes"))
    }

    fn i64_at(&self, at: usize) -> i64 {
        i64::from_be_bytes(self.bytes[at..at + 8].try_into().expect("8 bytes"))
    }

    fn add(&mut self, at: usize, difference: i32) {
        let sum = self.i32_at(at) + difference;
        self.bytes[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    }
}
