//! Fills offsets of which the source has no record, so that the records after them keep their offsets.
//!
//! Pure. Before the first record: batches of empty records, tiny when compressed, which are deleted again before anyone
//! reads them. Between records: control markers, which take one offset each and are never shown to consumers.

use bytes::{Bytes, BytesMut};

use crate::kafka::batch::{Batch, BatchError, Builder, Codec, Stamp, batches};
use crate::model::{ProducerId, Run, SourceOffset, TargetOffset};
use crate::replicate::produce::batcher::{Course, ProduceBatch};

/// Records in a filler batch. Larger batches fill no faster.
const RECORDS: i64 = 100_000;
/// Markers in one request: more are hardly faster, and keep a broker busy for long.
pub(crate) const MARKERS: i64 = 1_000;
/// An empty record from its key on: no key, no value, no headers.
pub(crate) const EMPTY: [u8; 3] = [1, 1, 0];

/// Builds the batches that fill a partition up to its first record.
#[derive(Debug)]
pub(crate) struct Filler {
    timestamp: i64,
    /// A batch of full size, which is reused under new headers.
    full: Option<Batch>,
}

impl Filler {
    /// Creates a filler whose batches have this timestamp, in milliseconds: brokers forget producers by the timestamps they
    /// wrote.
    pub(crate) fn new(timestamp: i64) -> Self {
        Self {
            timestamp,
            full: None,
        }
    }

    /// Returns the next batch that fills a partition up to `until`, which lies after the course.
    pub(crate) fn next(
        &mut self,
        course: &Course,
        until: TargetOffset,
    ) -> Result<ProduceBatch, BatchError> {
        // A topic may accept smaller batches only.
        let limit = i64::try_from(course.records_limit).unwrap_or(i64::MAX);
        let count = until.since(course.target).min(RECORDS).min(limit.max(1));
        let stamped = match &self.full {
            Some(full) if count == RECORDS => full.restamp(course.stamp()),
            _ => self.build(count)?.restamp(course.stamp()),
        };
        let source = SourceOffset(course.target.get());
        Ok(ProduceBatch {
            target: course.target,
            runs: vec![Run::new(source, course.target, count)],
            joins: true,
            frontier: source.plus(count),
            bytes: stamped.size(),
            stamped,
        })
    }

    fn build(&mut self, count: i64) -> Result<Batch, BatchError> {
        let mut builder = Builder::new(Codec::Zstd);
        for _ in 0..count {
            builder.push(self.timestamp, &EMPTY);
        }
        let nobody = Stamp {
            producer_id: ProducerId(-1),
            producer_epoch: -1,
            base_sequence: -1,
        };
        let stamped = builder.finish(nobody)?;
        let mut bytes = BytesMut::with_capacity(stamped.size());
        bytes.extend_from_slice(&stamped.header);
        bytes.extend_from_slice(&stamped.body);
        let built = batches(Bytes::from(bytes)).next();
        let batch = built.ok_or(BatchError::Unbuildable("it can't be read back"))??;
        if count == RECORDS {
            self.full = Some(batch.clone());
        }
        Ok(batch)
    }
}

/// Whether every record of a batch is empty, as those of a filler are.
pub(crate) fn is_filler(batch: &Batch) -> Result<bool, BatchError> {
    for record in &batch.records()? {
        if record?.content != EMPTY {
            return Ok(false);
        }
    }
    Ok(!batch.header().attributes.is_control())
}

/// Returns how many markers the next request for a gap of `left` offsets should have (H22).
///
/// The last one is always sent alone: as long as it isn't written, one marker of a higher epoch can take its place and fence
/// off those that may still be in flight, without ever passing the end of the gap.
pub(crate) fn markers_due(left: i64, fences: bool) -> i64 {
    if fences {
        left.min(1)
    } else {
        (left - 1).clamp(left.min(1), MARKERS)
    }
}

#[cfg(test)]
mod tests;
