//! Marks a link as begun: its `start` setting applies to what the first look found, and to nothing that appears later.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{Update, records};
use crate::control::topics::{MirrorSet, MirroredTopic};
use crate::error::Result;
use crate::model::{TopicName, TopicPartition};
use crate::task::Rounds;

use super::link::Link;

const LOOK: Duration = Duration::from_millis(500);

impl Link {
    /// Waits until where each partition of the first look starts is stored, and notes that in the link's record.
    pub(super) async fn note_initialized(
        self,
        set: watch::Receiver<Arc<MirrorSet>>,
        stop: CancellationToken,
    ) -> Result<()> {
        let mut rounds = Rounds::every(LOOK, stop);
        loop {
            if !rounds.next().await {
                return Ok(());
            }
            let set = Arc::clone(&set.borrow());
            let has_begun = |(name, topic)| self.has_begun(name, topic);
            // What isn't written to now has still to begin.
            let is_whole = set.confirmed && !self.view.intents().borrow().holds_anything();
            if is_whole && set.topics.iter().all(has_begun) {
                break;
            }
        }
        let _alone = self.record.lock().await;
        let Some(mut record) = records::load_link(&*self.store, &self.config.name)? else {
            return Ok(());
        };
        if record.initialized {
            return Ok(());
        }
        record.initialized = true;
        let mut update = Update::new();
        records::put_link(&mut update, &record);
        self.store.commit(update).await
    }

    /// Whether nothing of a topic is left to which `start` would still apply.
    fn has_begun(&self, name: &TopicName, topic: &MirroredTopic) -> bool {
        let begun = |number| {
            self.view
                .has_begun(&TopicPartition::new(name.clone(), number))
        };
        topic.conflict.is_some() || (0..topic.initial_partitions).all(begun)
    }
}
