//! Follows what topic discovery tells: partitions that are new, in conflict, released, missing or begun anew.

use crate::control::topics::{MirrorSet, MirroredTopic};
use crate::error::{Error, Kind};
use crate::model::{HaltCode, PartitionState, Reason, TopicName, TopicPartition};
use crate::replicate::partition::mirror::{Mirror, Phase};
use crate::replicate::resync::position::Trouble;

use super::run::Worker;

impl Worker {
    /// Takes over what discovery found: new partitions settle, conflicts halt, conflicts gone settle.
    pub(crate) fn take_set(&mut self, set: &MirrorSet) {
        for (topic, mirrored) in &set.topics {
            for number in 0..mirrored.partitions {
                let partition = TopicPartition::new(topic.clone(), number);
                let index = match self.places.get(&partition) {
                    Some(&index) => index,
                    None => match self.link.mirror(&partition, mirrored) {
                        Ok(mirror) => self.add(partition, mirror),
                        Err(error) => {
                            tracing::error!(link = %self.link.name, error = error.chain(), "partition cannot be loaded");
                            continue;
                        }
                    },
                };
                if self.follow_reseed(index, mirrored) {
                    continue;
                }
                if set.confirmed {
                    self.follow_tombstones(index, mirrored);
                }
                self.confront(index, mirrored.conflict.as_ref());
                self.notice_other_topic(index, mirrored);
            }
            if set.confirmed && mirrored.conflict.is_none() {
                self.miss_partitions(topic, mirrored.partitions);
            }
        }
    }

    fn add(&mut self, partition: TopicPartition, mirror: Mirror) -> usize {
        let index = self.mirrors.len();
        self.mirrors.push(mirror);
        self.places.insert(partition, index);
        if self.is_paused(index) {
            self.mirrors[index].phase = Phase::Paused;
            self.mirrors[index]
                .tracked
                .show(PartitionState::Paused, None);
        } else {
            self.settle(index);
        }
        index
    }

    /// A topic that was deleted and created again shows here where fetches by name don't tell.
    fn notice_other_topic(&mut self, index: usize, mirrored: &MirroredTopic) {
        let mirror = &self.mirrors[index];
        let (known, found) = (mirror.route.source_id, mirrored.source_id);
        let is_other = known.is_known() && found.is_known() && known != found;
        if is_other && mirrored.conflict.is_none() && matches!(mirror.phase, Phase::Flowing { .. })
        {
            let message = "the source topic was deleted and created again";
            let error = Error::new(Kind::Invalid, message).partition(&mirror.route.source);
            self.trouble(index, Trouble::Retry(error), false);
        }
    }

    /// Partitions that the source topic no longer has since it was created again.
    fn miss_partitions(&mut self, topic: &TopicName, count: i32) {
        let missing: Vec<usize> = self
            .places
            .range(TopicPartition::all_of(topic))
            .filter(|(it, _)| it.partition.0 >= count)
            .map(|(_, &index)| index)
            .collect();
        for index in missing {
            let partition = &self.mirrors[index].route.source;
            let message = format!(
                "partition {partition} is gone from the source: {topic} has {count} partitions now"
            );
            let reason = Reason::new(HaltCode::SourceTopicMissing, message);
            self.confront(index, Some(&reason));
        }
    }

    fn confront(&mut self, index: usize, conflict: Option<&Reason>) {
        let mirror = &self.mirrors[index];
        match (conflict, &mirror.conflict) {
            (Some(conflict), known) if known.as_ref() != Some(conflict) => {
                self.mirrors[index].conflict = Some(conflict.clone());
                // What is being stored is stored first.
                if !matches!(self.mirrors[index].phase, Phase::Deciding) {
                    self.trouble(index, Trouble::Halt(conflict.clone()), false);
                }
            }
            (Some(_), _) | (None, None) => {}
            (None, Some(_)) => self.reconsider(index),
        }
    }
}
