//! The contents of a journal, built up record by record. Pure.

use std::collections::BTreeMap;

use crate::checkpoint::envelope::{self, Damage};
use crate::checkpoint::layout;
use crate::error::{Error, Kind, Result};
use crate::kafka::batch::Record;

use super::Head;
use super::lease::Seen;

/// Values by full key.
pub(crate) type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// The contents of a journal.
#[derive(Debug, Default)]
pub struct Contents {
    /// The link's entries by the DB's full keys.
    pub(crate) entries: Entries,
    /// The heads that were read, oldest first.
    pub(super) heads: Vec<Seen>,
}

impl Contents {
    /// The contents of a journal with these records in order, tombstones included.
    ///
    /// Errors: `Refused` if only readers of a later layout may use it, `Invalid` if it can't be understood.
    pub fn of_records(
        records: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<Self> {
        let mut contents = Self::default();
        for (offset, (key, value)) in (0..).zip(records) {
            let taken = contents.put(offset, key, value.as_deref());
            taken.map_err(|error| error.offset(offset))?;
        }
        Ok(contents)
    }

    /// Applies one record.
    ///
    /// Errors: as for [`Self::of_records`].
    pub(super) fn take(&mut self, record: Record) -> Result<()> {
        let key = record.key.unwrap_or_default().to_vec();
        self.put(record.offset, key, record.value.as_deref())
    }

    fn put(&mut self, offset: i64, key: Vec<u8>, sealed: Option<&[u8]>) -> Result<()> {
        let Some(sealed) = sealed else {
            self.entries.remove(&key);
            return Ok(());
        };
        let value = envelope::open(&key, sealed).map_err(|damage| match damage {
            Damage::Version(_) => layout::refused("the journal", damage),
            Damage::Checksum => {
                let message = "a record of the journal can't be used; deny everybody else write access to its topic, and delete the topic: it will be written anew";
                Error::new(Kind::Invalid, message).caused_by(damage)
            }
        })?;
        if key == Head::key() {
            let head = Head::decode(value)?;
            self.heads.push(Seen { offset, head });
        } else {
            self.entries.insert(key, value.to_vec());
        }
        Ok(())
    }

    /// The newest head; `None` in an empty journal.
    pub fn head(&self) -> Option<&Head> {
        self.heads.last().map(|seen| &seen.head)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
