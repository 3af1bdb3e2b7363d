//! Follows topic discovery: partitions that are new, in conflict, released, missing or started over.

use crate::error::{Error, Kind};
use crate::model::{HaltCode, MirrorSet, MirroredTopic, Reason, TopicName, TopicPartition};
use crate::replicate::partition::effect::Event;
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::Trouble;

use super::state::Worker;

impl Worker {
    /// Takes over what discovery found: new partitions resync, conflicts halt, partitions whose conflict is gone resync.
    pub(crate) fn take_set(&mut self, set: &MirrorSet) {
        self.link.view.show_unmirrored(&set.unmirrored);
        let mut unloaded = None;
        for (topic, mirrored) in &set.topics {
            for number in 0..mirrored.partitions {
                let partition = TopicPartition::new(topic.clone(), number);
                let index = match self.places.get(&partition) {
                    Some(&index) => index,
                    None => match self.link.mirror(&partition, mirrored) {
                        Ok(mirror) => self.add(partition, mirror),
                        Err(error) => {
                            unloaded = unloaded.or(Some(error));
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
                let conflict = mirrored.conflict.clone();
                self.confront(index, conflict.or_else(|| self.awaits_new_topic(index)));
                self.notice_other_topic(index, mirrored);
            }
            if set.confirmed && mirrored.conflict.is_none() {
                self.miss_partitions(topic, mirrored.partitions);
            }
        }
        match unloaded {
            Some(error) => self.loading.failed(&error),
            None => self.loading.worked(),
        }
    }

    fn add(&mut self, partition: TopicPartition, mirror: Mirror) -> usize {
        let index = self.mirrors.len();
        self.mirrors.push(mirror);
        self.places.insert(partition, index);
        self.live(index, Event::Due);
        index
    }

    /// Applies the current intents to all partitions.
    pub(crate) fn follow_intents(&mut self) {
        for index in 0..self.mirrors.len() {
            let topic = &self.mirrors[index].route.source.topic;
            let intent = self.link.view.intent_of(topic);
            self.live(index, Event::Intent(intent));
        }
    }

    /// Notices a topic that was deleted and recreated where fetches by name don't show that.
    fn notice_other_topic(&mut self, index: usize, mirrored: &MirroredTopic) {
        let mirror = &self.mirrors[index];
        let (known, found) = (mirror.route.source_id, mirrored.source_id);
        let is_other = known.is_known() && found.is_known() && known != found;
        if is_other && mirrored.conflict.is_none() && mirror.life.lanes().is_some() {
            let message = "the source topic was deleted and created again";
            let error = Error::new(Kind::Invalid, message).partition(&mirror.route.source);
            self.trouble(index, Trouble::retry(&error), false);
        }
    }

    /// Halts partitions that the source topic no longer has since it was recreated.
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
            self.confront(index, Some(reason));
        }
    }

    fn confront(&mut self, index: usize, conflict: Option<Reason>) {
        match (conflict, self.mirrors[index].life.conflict()) {
            (Some(conflict), known) if known != Some(&conflict) => {
                self.live(index, Event::Conflict(conflict));
            }
            (Some(_), _) | (None, None) => {}
            (None, Some(_)) => self.live(index, Event::ConflictGone),
        }
    }
}
