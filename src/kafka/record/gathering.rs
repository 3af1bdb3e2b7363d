//! A partition's records that were read and not yet handed over, as batches.
//!
//! Pure. Holes between records remain holes in the batches. After each new start, the first record received must be
//! proven to be the first one in the log: librdkafka might still return records that it had fetched from elsewhere.

use bytes::{Bytes, BytesMut};

use crate::kafka::batch::{Batch, BatchError, Builder, Codec, CommittedBatches, batches};
use crate::model::{LeaderEpoch, ProducerId, SourceOffset};

use super::epochs::Epochs;

/// The size at which a batch stops growing, in bytes; the larger, the fewer transactions are needed to write them.
const BATCH_BYTES: usize = 1 << 20;
/// The number of holes at which a batch stops growing; each hole begins a run.
const HOLES_LIMIT: usize = 1024;

/// A header.
pub(super) type NamedBytes<'a> = (&'a [u8], Option<&'a [u8]>);

/// A record as librdkafka returns it.
#[derive(Debug)]
pub(super) struct ReadRecord<'a> {
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Vec<NamedBytes<'a>>,
}

/// A batch under construction.
#[derive(Debug)]
struct Draft {
    builder: Builder,
    first: i64,
    epoch: LeaderEpoch,
    holes: usize,
}

/// What a partition's log holds from an offset on, as far as it was checked on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clear {
    /// No record that a `read_committed` consumer sees lies before this offset.
    pub(super) until: i64,
    /// Whether there is a record at `until`.
    pub(super) record: bool,
}

/// One partition's records since the last hand-over.
#[derive(Debug)]
pub(super) struct Gathering {
    /// Everything before this offset was handed over.
    from: i64,
    /// Everything before this offset was read.
    next: i64,
    /// The first record read since the start.
    first: Option<i64>,
    /// Whether `first` is proven to be the first record in the log.
    proven: bool,
    epochs: Epochs,
    draft: Option<Draft>,
    sealed: Vec<Batch>,
    bytes: usize,
}

impl Gathering {
    /// Starts at an offset.
    pub(super) fn new(from: i64, epochs: Epochs) -> Self {
        Self {
            from,
            next: from,
            first: None,
            proven: false,
            epochs,
            draft: None,
            sealed: Vec::new(),
            bytes: 0,
        }
    }

    /// Everything before this offset was handed over.
    pub(super) fn from(&self) -> i64 {
        self.from
    }

    /// Where the log should be checked: after what was read, if that may be handed over.
    pub(super) fn looks_at(&self) -> i64 {
        if self.needs_look() {
            self.from
        } else {
            self.next
        }
    }

    /// Whether the log's contents at that offset matter.
    pub(super) fn needs_look(&self) -> bool {
        !self.proven || self.next == self.from
    }

    /// Returns the epoch of the last record before `offset`.
    pub(super) fn epoch_before(&self, offset: i64) -> LeaderEpoch {
        self.epochs.at(offset - 1)
    }

    /// The number of bytes read and not handed over.
    pub(super) fn bytes(&self) -> usize {
        let draft = self.draft.as_ref();
        self.bytes + draft.map_or(0, |draft| draft.builder.plain_size())
    }

    /// Adds the next record. One that was already read is skipped.
    pub(super) fn take(&mut self, read: ReadRecord<'_>) -> Result<(), BatchError> {
        if read.offset < self.next {
            return Ok(());
        }
        self.first.get_or_insert(read.offset);
        self.proven |= self.first == Some(self.from);
        let epoch = self.epochs.at(read.offset);
        let full = |draft: &Draft| {
            draft.epoch != epoch
                || draft.holes >= HOLES_LIMIT
                || draft.builder.plain_size() >= BATCH_BYTES
                || read.offset - draft.first >= i64::from(i32::MAX)
        };
        if self.draft.as_ref().is_some_and(full) {
            self.seal()?;
        }
        let hole = read.offset - self.next;
        let draft = self.draft.get_or_insert_with(|| Draft {
            builder: Builder::new(Codec::None),
            first: read.offset,
            epoch,
            holes: 0,
        });
        if hole > 0 && draft.first < read.offset {
            draft.builder.leave_out(hole);
            draft.holes += 1;
        }
        let headers = read.headers.into_iter();
        draft
            .builder
            .push_fields(read.timestamp, read.key, read.value, headers);
        self.next = read.offset + 1;
        Ok(())
    }

    /// Returns the next batches to hand over, in sequence, given what the log was seen to hold at
    /// [`Gathering::looks_at`]; `None` if librdkafka reads elsewhere and has to restart.
    pub(super) fn hand_over(&mut self, clear: Option<Clear>) -> Result<Option<Bytes>, BatchError> {
        if !self.needs_look() {
            return self.unload().map(Some);
        }
        let Some(clear) = clear else {
            return Ok(Some(Bytes::new()));
        };
        let unproven = self.first.filter(|_| !self.proven);
        if let Some(first) = unproven.filter(|&first| clear.record || clear.until > first) {
            self.proven = clear.record && clear.until == first;
            return self.proven.then(|| self.unload()).transpose();
        }
        Ok(Some(self.pass(clear.until)))
    }

    /// Skips a stretch without records.
    fn pass(&mut self, until: i64) -> Bytes {
        if until <= self.from {
            return Bytes::new();
        }
        let hollow = Batch::hollow(self.from, until, self.epochs.at(until - 1));
        self.from = hollow.next_offset();
        self.next = self.next.max(self.from);
        self.proven |= self.first == Some(self.from);
        hollow.bytes().clone()
    }

    fn unload(&mut self) -> Result<Bytes, BatchError> {
        self.seal()?;
        self.from = self.next;
        self.bytes = 0;
        let sealed = std::mem::take(&mut self.sealed);
        if let [only] = sealed.as_slice() {
            return Ok(only.bytes().clone());
        }
        let mut all = BytesMut::with_capacity(sealed.iter().map(Batch::size).sum());
        for batch in sealed {
            all.extend_from_slice(batch.bytes());
        }
        Ok(all.freeze())
    }

    fn seal(&mut self) -> Result<(), BatchError> {
        if let Some(draft) = self.draft.take() {
            let batch = draft.builder.finish_at(draft.first, draft.epoch)?;
            self.bytes += batch.size();
            self.sealed.push(batch);
        }
        Ok(())
    }
}

/// Evaluates a check of the log from an offset on: batches as fetched, and the aborted transactions among them.
pub(super) fn clear(
    from: i64,
    records: Bytes,
    aborted: &[(ProducerId, SourceOffset)],
) -> Result<Clear, BatchError> {
    let listed = aborted.iter().map(|(writer, first)| (*writer, first.get()));
    let mut committed = CommittedBatches::of(listed);
    let mut until = from;
    for batch in batches(records) {
        let batch = batch?;
        batch.check_crc()?;
        if committed.shows(&batch)? {
            for record in &batch.records()? {
                let offset = record?.offset;
                if offset >= from {
                    return Ok(Clear {
                        until: offset,
                        record: true,
                    });
                }
            }
        }
        until = until.max(batch.next_offset());
    }
    Ok(Clear {
        until,
        record: false,
    })
}

#[cfg(test)]
mod tests;
