//! Batches that can't be used: their bytes, and where the log goes on behind them.

use bytes::Bytes;

use super::header::{CRC_START, HEADER_LEN, LENGTH_END, MAGIC, MAGIC_AT};
use super::{Batch, BatchError, Header, batches, frame};

/// A batch that can't be used.
#[derive(Debug)]
pub struct Damaged {
    pub error: BatchError,
    /// The batch as its log holds it. If its length can't be right: everything from its first byte on.
    pub bytes: Bytes,
    /// The offset after it, if its checksum or what follows it proves that.
    pub until: Option<i64>,
}

impl Damaged {
    /// Describes the batch at the beginning of `bytes`, part of a log whose readers see the offsets before `visible`.
    pub fn new(error: BatchError, bytes: &Bytes, visible: i64) -> Self {
        let (own, behind) = framed(bytes);
        let until = until(&own, behind, visible);
        Self {
            error,
            bytes: own,
            until: until.filter(|until| *until <= visible),
        }
    }
}

/// Looks at the first batch in a stretch of log that reaches beyond `from`, and at each of its records. Returns `None` if it is
/// sound.
pub fn examine(bytes: &Bytes, from: i64, visible: i64) -> Option<Damaged> {
    let mut left = batches(bytes.clone());
    loop {
        let rest = left.rest().clone();
        let error = match left.next() {
            None => incomplete(bytes, &rest)?,
            Some(Err(error)) => error,
            Some(Ok(batch)) if batch.next_offset() <= from => continue,
            Some(Ok(batch)) => batch.check_records().err()?,
        };
        return Some(Damaged::new(error, &rest, visible));
    }
}

/// Returns what is wrong if nothing of an answer could be taken for a batch: brokers send at least one complete batch.
pub fn incomplete(answer: &Bytes, rest: &Bytes) -> Option<BatchError> {
    let base = answer.first_chunk().map(|it| i64::from_be_bytes(*it));
    let is_none = !answer.is_empty() && rest.len() == answer.len();
    is_none.then(|| BatchError::Malformed {
        offset: base.unwrap_or(-1),
        what: "its length points past the end of what was sent",
    })
}

impl Batch {
    /// Checks the CRC, and decodes every record.
    pub fn check_records(&self) -> Result<(), BatchError> {
        self.check_crc()?;
        self.records()?
            .iter()
            .try_for_each(|record| record.map(drop))
    }
}

/// Splits off the batch, whatever its format, as its length says.
fn framed(bytes: &Bytes) -> (Bytes, Bytes) {
    let length = bytes.get(8..).and_then(<[u8]>::first_chunk);
    let length = length.and_then(|it| usize::try_from(i32::from_be_bytes(*it)).ok());
    let size = length.map(|length| LENGTH_END + length);
    match size.filter(|size| (MAGIC_AT + 1..=bytes.len()).contains(size)) {
        Some(size) => (bytes.slice(..size), bytes.slice(size..)),
        None => (bytes.clone(), Bytes::new()),
    }
}

/// Returns the offset after a batch, given the bytes `behind` it.
fn until(own: &Bytes, mut behind: Bytes, visible: i64) -> Option<i64> {
    let base = i64::from_be_bytes(*own.first_chunk()?);
    if matches!(own.get(MAGIC_AT), Some(0 | 1)) {
        // The offset of an old message is its last one.
        return base.checked_add(1).filter(|_| base >= 0);
    }
    let header = own.first_chunk::<HEADER_LEN>().map(Header::read);
    let header = header.filter(|it| it.magic == MAGIC && it.check().is_ok());
    let claimed = header.map(|it| it.base_offset + i64::from(it.last_offset_delta) + 1);
    let sum = own.get(CRC_START..).map(crc32c::crc32c);
    if header.is_some_and(|it| Some(it.crc) == sum) {
        return claimed;
    }
    let next = behind.first_chunk().map(|it| i64::from_be_bytes(*it));
    let follows = next.or(Some(visible)) == claimed;
    if follows && claimed.is_some() {
        return claimed;
    }
    let next = frame::split_first(&mut behind).ok()??;
    next.check_crc().ok()?;
    Some(next.base_offset()).filter(|next| *next > base)
}

#[cfg(test)]
mod tests;
