//! What was read of one partition and not yet handed over, as batches.
//!
//! Pure. Holes between records stay holes of the batches. Whether the first record behind a new begin is the first there is
//! has to be proven: librdkafka might still give what it had fetched from elsewhere.

use bytes::{Bytes, BytesMut};

use crate::kafka::batch::{Batch, BatchError, Builder, Codec, Committed, batches};
use crate::model::{LeaderEpoch, ProducerId, SourceOffset};

use super::epochs::Epochs;

/// A batch stops growing here, in bytes; the larger, the fewer transactions it takes to write them.
const BATCH_BYTES: usize = 1 << 20;
/// And at this many holes, each of which begins a run.
const HOLES_LIMIT: usize = 1024;

/// A header.
pub(super) type NamedBytes<'a> = (&'a [u8], Option<&'a [u8]>);

/// One record as librdkafka gives it.
#[derive(Debug)]
pub(super) struct Read<'a> {
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Vec<NamedBytes<'a>>,
}

/// A batch in the making.
#[derive(Debug)]
struct Draft {
    builder: Builder,
    first: i64,
    epoch: LeaderEpoch,
    holes: usize,
}

/// What a partition's log holds from an offset on, as far as it was looked at on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clear {
    /// No record that is shown lies before this offset.
    pub(super) until: i64,
    /// Whether one lies there.
    pub(super) record: bool,
}

/// One partition's records from where they were last handed over.
#[derive(Debug)]
pub(super) struct Gathering {
    /// Up to here everything was handed over.
    from: i64,
    /// Up to here everything was read.
    next: i64,
    /// The first record read since it began.
    first: Option<i64>,
    /// Whether that is the first there is.
    proven: bool,
    epochs: Epochs,
    draft: Option<Draft>,
    sealed: Vec<Batch>,
    bytes: usize,
}

impl Gathering {
    /// Begins at an offset.
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

    /// Up to where everything was handed over.
    pub(super) fn from(&self) -> i64 {
        self.from
    }

    /// Where the log is to be looked at: behind what was read, if that may be handed over.
    pub(super) fn looks_at(&self) -> i64 {
        if self.needs_look() {
            self.from
        } else {
            self.next
        }
    }

    /// Whether what the log holds there matters.
    pub(super) fn needs_look(&self) -> bool {
        !self.proven || self.next == self.from
    }

    /// The epoch of the last record before an offset.
    pub(super) fn epoch_before(&self, offset: i64) -> LeaderEpoch {
        self.epochs.at(offset - 1)
    }

    /// Bytes read and not handed over.
    pub(super) fn bytes(&self) -> usize {
        let draft = self.draft.as_ref();
        self.bytes + draft.map_or(0, |draft| draft.builder.plain_size())
    }

    /// Adds the next record. One that was read before is left out.
    pub(super) fn take(&mut self, read: Read<'_>) -> Result<(), BatchError> {
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

    /// What goes on from where was last handed over, as batches in a row, given what the log was seen to hold there; none if
    /// librdkafka reads elsewhere and has to begin anew.
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

    /// Goes on behind a stretch without records.
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

/// What a look at the log from an offset on shows: batches as fetched, and the aborted transactions among them.
pub(super) fn clear(
    from: i64,
    records: Bytes,
    aborted: &[(ProducerId, SourceOffset)],
) -> Result<Clear, BatchError> {
    let listed = aborted.iter().map(|(writer, first)| (*writer, first.get()));
    let mut committed = Committed::of(listed);
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
