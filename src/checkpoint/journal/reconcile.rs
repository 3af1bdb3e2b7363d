//! Makes DB and journal equal at the beginning of a term: whichever goes further is right.

use std::sync::Arc;

use super::difference::{difference, entries_of};
use super::line::{Line, put_revision, stored_revision};
use super::{Revision, Topic};
use crate::checkpoint::store::{Store, Update};
use crate::error::Result;

/// What was made of DB and journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reconciled {
    /// They were equal.
    Equal,
    /// The DB lacked something.
    Restored,
    /// The journal lacked something.
    Supplemented,
}

/// Compares and completes. The journal goes up to `in_journal`; nobody but this process can append to it any more.
///
/// Errors: the DB, or the target. Cancellation: safe, each side changes as a whole or is completed at the next start.
pub(super) async fn reconcile(
    disk: &dyn Store,
    line: &Arc<Line>,
    topic: &Topic,
    in_journal: Option<Revision>,
) -> Result<Reconciled> {
    let name = line.link();
    // What was lined up in an earlier term is either in the DB when it is compared, or never will be.
    disk.commit(Update::new()).await?;
    let of_db = match stored_revision(disk, name)? {
        Some(revision) => Some(revision),
        None => (!entries_of(disk, name)?.is_empty()).then_some(Revision::BEFORE),
    };
    if of_db == in_journal {
        return Ok(Reconciled::Equal);
    }
    let copied = topic.read_all().await?.entries;
    let stored = entries_of(disk, name)?;
    if in_journal > of_db {
        let mut update = Update::of(difference(&stored, &copied));
        if let Some(revision) = in_journal {
            put_revision(&mut update, name, revision);
        }
        disk.commit(update).await?;
        return Ok(Reconciled::Restored);
    }
    line.supplement(difference(&copied, &stored), of_db).await?;
    Ok(Reconciled::Supplemented)
}
