//! Counts what a mirror topic holds, at an operator's request and before a mirror topic is given up.
//!
//! Promises: a mirror topic whose deletion would destroy records that exist nowhere else is given up only if the operator
//! named their number as it was counted right then. A policy may discard what this link mirrored, but nothing of others.
//! Doesn't: delete anything.

use std::ops::Range;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, ListedOffsets, OffsetSpec};
use crate::kafka::batch::Batch;
use crate::kafka::client::Cluster;
use crate::model::{LeaderEpoch, Partition, Reason, TopicId, TopicName, TopicPartition};
use crate::replicate::partition::phase::Trouble;
use crate::replicate::resync::decision::Decision;
use crate::replicate::shared::inventory::{
    Evidence, Holdings, Inventory, LogBehindMap, Mapped, PartitionHoldings,
};
use crate::replicate::shared::resolve_request::{CountRequest, ResolveRefused, ResolveRequest};
use crate::task::blocking;

use super::context::LinkContext;
use super::event::Event;
use super::state::Worker;

/// The partitions that are counted at once.
const PARTITIONS_AT_ONCE: usize = 8;
/// How much of a log behind the map is read: more than farshore has in flight. The rest counts as written by others.
const READ_BYTES: i32 = 1024 * 1024;
const READS_AT_MOST: usize = 16;

impl Worker {
    /// Counts what the mirror topic of a source topic holds.
    pub(crate) fn count(&mut self, request: CountRequest) {
        let link = Arc::clone(&self.link);
        self.events.push(Box::pin(async move {
            let counted = link.inventory(&request.topic).await;
            Event::Counted(Box::new((request, counted)))
        }));
    }

    /// Counts what an operator's reseed would discard; the outcome decides whether it is carried out.
    pub(super) fn weigh(&mut self, release: ResolveRequest) {
        let link = Arc::clone(&self.link);
        self.events.push(Box::pin(async move {
            let counted = link.inventory(&release.partition.topic).await;
            Event::Weighed(Box::new((release, counted)))
        }));
    }

    /// Carries out an operator's reseed if it discards as many records as the operator named.
    pub(crate) fn weighed(&mut self, release: ResolveRequest, counted: Result<Inventory>) {
        let refused = match counted {
            Err(error) => ResolveRefused::Uncounted(error.chain()),
            Ok(found) if found.total.only_there != release.discard.unwrap_or(0) => {
                ResolveRefused::Discards(found.total)
            }
            Ok(found) => return self.release(release, found.total),
        };
        // The operator may be gone.
        let _ = release.done.send(Err(refused));
    }
}

impl LinkContext {
    /// Returns what a policy's decision to reseed leads to: it discards no records of others.
    pub(super) async fn weigh_decision(
        &self,
        topic: &TopicName,
        decision: Box<Decision>,
    ) -> Trouble {
        let held = match self.inventory(topic).await {
            Ok(found) => found.total,
            Err(error) => return Trouble::retry(&error),
        };
        let mut decision = decision;
        if held.of_others > 0 {
            return Trouble::Halt(beyond_policy(&decision.reason, &held));
        }
        decision.reason.message = discarding(&decision.reason.message, &held);
        Trouble::Decided(decision)
    }

    /// Counts what the mirror topic of a source topic holds. Errors: the target doesn't tell.
    async fn inventory(&self, topic: &TopicName) -> Result<Inventory> {
        let mirror = self
            .view
            .mirror_topic(topic)
            .ok_or_else(|| Error::new(Kind::Invalid, format!("topic {topic} isn't mirrored")))?;
        let seen = self.target.metadata().generation;
        let metadata = self.target.refresh(seen).await?;
        let Some(found) = metadata.topics.get(&mirror) else {
            // A broker that has just started may not know the topic yet; discovery has looked twice.
            return if self.view.misses_mirror(topic) {
                Ok(Inventory::default())
            } else {
                let message = format!("the target doesn't describe mirror topic {mirror} now");
                Err(Error::new(Kind::TimedOut, message))
            };
        };
        let partitions = found.partitions.keys();
        let of = |name: &TopicName| -> Vec<TopicPartition> {
            let numbers = partitions.clone();
            let of_topic = numbers.map(|number| TopicPartition::new(name.clone(), number.0));
            of_topic.collect()
        };
        let look = self.look(&of(topic), &of(&mirror), found.id).await?;
        let counted = stream::iter(look)
            .map(|(number, evidence)| self.holdings(topic, &mirror, number, evidence))
            .buffered(PARTITIONS_AT_ONCE);
        Ok(Inventory::of(counted.try_collect().await?))
    }

    /// Asks both clusters about partitions. The target first: what is mirrored meanwhile is on the source all the more.
    async fn look(
        &self,
        sources: &[TopicPartition],
        targets: &[TopicPartition],
        target_id: TopicId,
    ) -> Result<Vec<(Partition, Evidence)>> {
        let (source, target) = (&self.source, &self.target);
        let names: Vec<TopicName> = targets.iter().take(1).map(|it| it.topic.clone()).collect();
        let (starts, ends, policies) = tokio::try_join!(
            list(target, targets, OffsetSpec::Earliest),
            list(target, targets, OffsetSpec::HighWatermark),
            async {
                Ok(admin::cleanup_policies(target, &names)
                    .await
                    .unwrap_or_default())
            },
        )?;
        let policy = names.first().and_then(|name| policies.get(name));
        let is_compacted = policy.is_none_or(|it| it.contains("compact"));
        let topics = Arc::clone(&source.metadata().topics);
        let has = |it: &&TopicPartition| {
            let topic = topics.get(&it.topic);
            topic.is_some_and(|topic| topic.partitions.contains_key(&it.partition))
        };
        let present: Vec<TopicPartition> = sources.iter().filter(has).cloned().collect();
        let (first, last) = tokio::join!(
            list(source, &present, OffsetSpec::Earliest),
            list(source, &present, OffsetSpec::HighWatermark),
        );
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        let offset = |listed: &ListedOffsets, of: &TopicPartition| {
            let found = listed.get(of).and_then(|it| it.as_ref().ok());
            found.map(|it| it.offset)
        };
        let mut found = Vec::new();
        for (of, on_target) in sources.iter().zip(targets) {
            let missing = || {
                let message = "the target doesn't tell what the mirror partition holds";
                Error::new(Kind::TimedOut, message).partition(on_target)
            };
            let start = offset(&starts, on_target).ok_or_else(missing)?;
            let end = offset(&ends, on_target).ok_or_else(missing)?;
            let kept = offset(&first, of).zip(offset(&last, of));
            let id = topics.get(&of.topic).map_or(TopicId::NONE, |it| it.id);
            let evidence = Evidence {
                log: start..end.max(start),
                target_id,
                source: kept.map(|(from, until)| (from..until, id)),
                is_compacted,
            };
            found.push((of.partition, evidence));
        }
        Ok(found)
    }

    async fn holdings(
        &self,
        topic: &TopicName,
        mirror: &TopicName,
        number: Partition,
        evidence: Evidence,
    ) -> Result<PartitionHoldings> {
        let source = TopicPartition::new(topic.clone(), number.0);
        let target = TopicPartition::new(mirror.clone(), number.0);
        let mapped = self.view.mapped(&source).unwrap_or_else(Mapped::nothing);
        let log = mapped.read_from(&evidence)..evidence.log.end;
        let behind = self.read_behind(&target, log).await?;
        let (view, log) = (self.view.clone(), evidence.log.clone());
        let counted = blocking("counting a mirror partition", move || {
            mapped.count(&evidence, behind, |at| view.runs_behind(&source, at))
        });
        Ok(PartitionHoldings {
            partition: number,
            log_start: log.start,
            end: log.end,
            held: counted.await??,
        })
    }

    /// Counts the records of a log, as far as it is read at all.
    async fn read_behind(
        &self,
        partition: &TopicPartition,
        log: Range<i64>,
    ) -> Result<LogBehindMap> {
        let (mut behind, mut at) = (LogBehindMap::default(), log.start);
        for _ in 0..READS_AT_MOST {
            if at >= log.end {
                break;
            }
            let read = admin::read_at(&self.target, partition, at, READ_BYTES).await?;
            let batches = read.batches.iter().filter(|it| it.next_offset() > at);
            let mut next = at;
            for batch in batches.take_while(|it| it.base_offset() < log.end) {
                let records = records_from(batch, at);
                if self.identity.owns(batch.header().producer_id) {
                    behind.own += records;
                } else {
                    behind.of_others += records;
                }
                next = batch.next_offset();
            }
            if next == at {
                break;
            }
            at = next;
        }
        behind.unread = (log.end - at).max(0);
        Ok(behind)
    }
}

/// Returns the message of a decision that discards records, with their number.
pub(super) fn discarding(message: &str, held: &Holdings) -> String {
    match held.described() {
        Some(what) => format!("{message}; reseeding it discards {what}"),
        None => message.to_owned(),
    }
}

/// Returns why a policy doesn't give up a mirror topic.
fn beyond_policy(reason: &Reason, held: &Holdings) -> Reason {
    let what = held.described().unwrap_or_default();
    let message = format!(
        "{}; the policy reseed doesn't discard {what}",
        reason.message
    );
    let remedy = format!(
        "Stop the other writer, see what would be deleted (farshore resolve --with reseed --dry-run), and mirror the topic anew (farshore resolve --with reseed --discard {}).",
        held.only_there
    );
    Reason {
        message,
        remedy,
        ..reason.clone()
    }
}

/// Returns the number of records of a batch from an offset on; at most, if the batch has holes.
fn records_from(batch: &Batch, from: i64) -> i64 {
    let header = batch.header();
    if header.attributes.is_control() {
        return 0;
    }
    let offsets = batch.next_offset() - batch.base_offset().max(from);
    i64::from(header.record_count).min(offsets)
}

/// Lists offsets of partitions.
async fn list(
    cluster: &Cluster,
    partitions: &[TopicPartition],
    at: OffsetSpec,
) -> Result<ListedOffsets> {
    let partitions: Vec<_> = partitions
        .iter()
        .map(|it| (it.clone(), LeaderEpoch::UNKNOWN))
        .collect();
    admin::list_offsets(cluster, &partitions, at).await
}

#[cfg(test)]
mod tests;
