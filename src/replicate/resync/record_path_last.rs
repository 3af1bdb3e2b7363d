//! Finds the last batch of a mirror partition that a `read_committed` consumer sees: after it the record path leaves the
//! markers of its transactions, and records it gave up.

use std::collections::BTreeMap;

use crate::error::{Error, Kind};
use crate::kafka::batch::{Batch, BatchError, ControlKind};
use crate::kafka::client::Cluster;
use crate::model::{ProducerId, TargetOffset, TopicPartition};
use crate::replicate::partition::phase::Trouble;

use super::target_log::batch_at;

/// Walks back from the end; `None` if the log holds no such batch any more.
///
/// An empty batch counts like any other below `acknowledged`, because its records were known before they were removed. An
/// open transaction is waited for: it isn't this link's, which begins by ending its own.
pub(crate) async fn last_committed(
    cluster: &Cluster,
    partition: &TopicPartition,
    end: TargetOffset,
    log_start: TargetOffset,
    acknowledged: TargetOffset,
) -> Result<Option<Batch>, Trouble> {
    let mut outcomes = Outcomes::default();
    let mut behind = end;
    while behind > log_start {
        let batch = batch_at(cluster, partition, behind).await?;
        let fate = outcomes.of(&batch, acknowledged).map_err(|error| {
            let message = "the end of the mirror partition cannot be decoded";
            Error::new(Kind::Protocol, message)
                .partition(partition)
                .caused_by(error)
        })?;
        match fate {
            Fate::Shown => return Ok(Some(batch)),
            Fate::Hidden => behind = TargetOffset(batch.base_offset()),
            Fate::Open => {
                let message = "another producer's transaction is open in the mirror partition; waiting for its end";
                let error = Error::new(Kind::Refused, message).partition(partition);
                return Err(error.offset(batch.base_offset()).into());
            }
        }
    }
    Ok(None)
}

/// What a `read_committed` consumer sees of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Shown,
    Hidden,
    Open,
}

/// How each producer's transactions ended, from the end of the log backwards.
#[derive(Debug, Default)]
struct Outcomes(BTreeMap<ProducerId, ControlKind>);

impl Outcomes {
    /// Returns the fate of the next batch towards the beginning of the log.
    fn of(&mut self, batch: &Batch, acknowledged: TargetOffset) -> Result<Fate, BatchError> {
        let header = batch.header();
        if header.attributes.is_control() {
            if header.record_count > 0 {
                self.0.insert(header.producer_id, batch.control()?);
            }
            return Ok(Fate::Hidden);
        }
        let emptied = header.record_count == 0;
        if emptied && batch.base_offset() >= acknowledged.get() {
            return Ok(Fate::Hidden);
        }
        if emptied || !header.attributes.is_transactional() {
            return Ok(Fate::Shown);
        }
        Ok(match self.0.get(&header.producer_id) {
            Some(ControlKind::Commit) => Fate::Shown,
            Some(ControlKind::Abort) => Fate::Hidden,
            Some(_) | None => Fate::Open,
        })
    }
}

#[cfg(test)]
mod tests;
