//! Finds out which link wrote batches that the source holds, and halts where records would go round in a circle.
//!
//! A batch of a link from this link's target, at or behind the position, has come from the mirror (H32). Batches of other
//! links are fine if this configuration has the link, or if the source may be a mirror itself. The producer id identifies
//! the link if its name is known: from the configuration, or because the link's journal is on the source.

use crate::checkpoint::records;
use crate::error::Result;
use crate::journal;
use crate::kafka::admin;
use crate::kafka::batch::Batch;
use crate::model::{
    DataPath, HaltCode, LinkIdentity, LinkName, ProducerId, Reason, SourceOffset, TopicName,
    TopicPartition,
};
use crate::replicate::partition::phase::{StartPosition, Trouble};
use crate::replicate::resync::input::{ResyncInput, ResyncResult};
use crate::replicate::shared::source_writers::MarkedBatch;

use super::context::LinkContext;

/// How much of the source's log is searched at once where batches aren't fetched, in bytes.
const LOOK_BYTES: i32 = 1 << 20;

/// Which link wrote a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Writer {
    FromTarget(LinkName),
    Upstream,
    Unknown,
}

/// Which of these names is that of a link with the producer id, from one cluster to another.
fn named(
    names: impl IntoIterator<Item = LinkName>,
    [source, target]: [&str; 2],
    producer: ProducerId,
) -> Option<LinkName> {
    let identity = |link| LinkIdentity {
        link,
        source_cluster_id: source.to_owned(),
        target_cluster_id: target.to_owned(),
    };
    let identities = names.into_iter().map(identity);
    let mut owners = identities.filter(|it| it.owns(producer));
    owners.next().map(|it| it.link)
}

impl LinkContext {
    /// Halts unless batches of the batch's producer may be mirrored from the topic.
    pub(crate) async fn judge_writer(
        &self,
        topic: &TopicName,
        batch: MarkedBatch,
    ) -> Result<(), Trouble> {
        let MarkedBatch { producer, offset } = batch;
        let writers = &self.source_writers;
        if writers.is_fine(producer, topic) {
            return Ok(());
        }
        let may_be_mirror = writers.may_be_mirror(topic);
        let message = match self.writer(producer, may_be_mirror).await? {
            Writer::FromTarget(link) => format!(
                "the source's batch at offset {offset} was written by link {link} from {}: it comes from this link's target",
                self.target.name()
            ),
            Writer::Unknown if !may_be_mirror => format!(
                "the source's batch at offset {offset} was written by a farshore link that isn't known here (producer id {producer}): the source topic is a mirror itself"
            ),
            known => {
                writers.remember(producer, known == Writer::Upstream);
                return Ok(());
            }
        };
        let reason = Reason::new(HaltCode::Circle, message);
        Err(Trouble::Halt(reason.at(Some(offset), None)))
    }

    async fn writer(&self, producer: ProducerId, may_be_unknown: bool) -> Result<Writer> {
        let others = self.source_writers.others();
        // Another link's journal is created before its first record is written: none can be missing here.
        let metadata = self
            .source
            .refresh(self.source.metadata().generation)
            .await?;
        let journals = metadata.topics.keys().filter_map(journal::Topic::link);
        let names = others.names.iter().cloned().chain(journals);
        let ends = [
            &*self.identity.target_cluster_id,
            &*self.identity.source_cluster_id,
        ];
        if let Some(link) = named(names, ends, producer) {
            return Ok(Writer::FromTarget(link));
        }
        if may_be_unknown {
            return Ok(Writer::Unknown);
        }
        for (link, source) in &others.upstream {
            let stored = records::load_link(&*self.store, link)?;
            let id = match stored {
                Some(record) => record.identity.source_cluster_id,
                None => source.cluster_id().await?,
            };
            let ends = [&*id, &*self.identity.source_cluster_id];
            if named([link.clone()], ends, producer).is_some() {
                return Ok(Writer::Upstream);
            }
        }
        Ok(Writer::Unknown)
    }

    /// Judges the batches of the source's log from an offset on, as far as one look shows them.
    async fn judge_from(
        &self,
        partition: &TopicPartition,
        from: SourceOffset,
    ) -> Result<(), Trouble> {
        let mut read = admin::read_at(&self.source, partition, from.get(), LOOK_BYTES).await?;
        if read.log_start > from.get() {
            read = admin::read_at(&self.source, partition, read.log_start, LOOK_BYTES).await?;
        }
        let behind = |it: &&Batch| it.next_offset() > from.get();
        for batch in read.batches.iter().filter(behind) {
            if let Some(marked) = MarkedBatch::of(batch) {
                self.judge_writer(&partition.topic, marked).await?;
            }
        }
        Ok(())
    }

    /// Judges the source where foreign records were found in the mirror partition: if records go round in a circle, they are
    /// a consequence of it, and must not be adopted.
    pub(crate) async fn judge_before_foreign_writes(
        &self,
        input: &ResyncInput,
    ) -> Result<(), Trouble> {
        let from = match input.start {
            Some(StartPosition::Earliest) => SourceOffset::ZERO,
            Some(StartPosition::Resolved(offset)) => offset,
            // Nothing that is on the source yet will be mirrored.
            Some(StartPosition::Unresolved { .. }) => return Ok(()),
            None => input.record.frontier,
        };
        self.judge_from(&input.source, from).await
    }

    /// Returns the trouble found at the target, or a circle that explains it.
    pub(crate) async fn circle_first(&self, input: &ResyncInput, trouble: Trouble) -> Trouble {
        let is_foreign =
            matches!(&trouble, Trouble::Halt(reason) if reason.code == HaltCode::ForeignWrite);
        if !is_foreign {
            return trouble;
        }
        match self.judge_before_foreign_writes(input).await {
            Err(Trouble::Halt(circle)) if circle.code == HaltCode::Circle => Trouble::Halt(circle),
            Ok(()) | Err(_) => trouble,
        }
    }

    /// Judges the records that come first on the record path, which doesn't show their producers.
    pub(crate) async fn judge_first(
        &self,
        input: &ResyncInput,
        found: &ResyncResult,
    ) -> Result<(), Trouble> {
        match self.settings.path {
            DataPath::Raw => Ok(()),
            DataPath::Record => self.judge_from(&input.source, found.next).await,
        }
    }
}

#[cfg(test)]
mod tests;
