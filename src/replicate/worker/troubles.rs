//! What partitions have in common while they retry or halt, so that the log says it once, with their number.
//!
//! Promises: a cause is told once while it lasts, soon after it began; no cause hides another; that all partitions go on is
//! told once. Pure: the caller passes the time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{HaltCode, TopicName, TopicPartition};
use crate::replicate::partition::phase::TransientFailure;

/// How long partitions with the same cause are counted before it is told.
const GATHERING: Duration = Duration::from_secs(2);
/// How long nothing may retry before that is told: partitions that fail again and again are told of once.
const CALM: Duration = Duration::from_secs(10);
/// The limit of causes told apart; those that come on top are told as the last one.
const CAUSES_LIMIT: usize = 64;

/// The troubles of a link's partitions.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    /// When the first of the partitions below failed.
    since: Option<Instant>,
    /// When the last partition went on.
    calm_since: Option<Instant>,
    /// Partitions that failed since then, with the index of the cause for which they retry now.
    partitions: BTreeMap<TopicPartition, Option<usize>>,
    retrying: usize,
    causes: Vec<Cause>,
    halts: BTreeMap<(TopicName, HaltCode), Halts>,
}

#[derive(Debug)]
struct Cause {
    failure: TransientFailure,
    since: Instant,
    /// A partition that failed for it.
    example: TopicPartition,
    retrying: usize,
    /// The maximum of `retrying`.
    most: usize,
    is_told: bool,
}

#[derive(Debug)]
struct Halts {
    since: Instant,
    more: usize,
}

/// A line to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// This many partitions retry.
    Retry {
        partitions: usize,
        example: TopicPartition,
        error: String,
    },
    /// None retries any more.
    Over { partitions: usize, took: Duration },
    /// This many more partitions of the topic are halted with the code.
    Halted {
        topic: TopicName,
        code: HaltCode,
        more: usize,
    },
}

impl Troubles {
    /// Records that a partition retries.
    pub(crate) fn failed(
        &mut self,
        partition: &TopicPartition,
        failure: &TransientFailure,
        now: Instant,
    ) {
        self.since.get_or_insert(now);
        self.calm_since = None;
        let index = self.cause(partition, failure, now);
        let before = self.partitions.insert(partition.clone(), Some(index));
        match before.flatten() {
            Some(before) if before == index => return,
            Some(before) => self.causes[before].retrying -= 1,
            None => self.retrying += 1,
        }
        let cause = &mut self.causes[index];
        cause.retrying += 1;
        cause.most = cause.most.max(cause.retrying);
    }

    fn cause(
        &mut self,
        partition: &TopicPartition,
        failure: &TransientFailure,
        now: Instant,
    ) -> usize {
        let known = self.causes.iter().position(|it| it.failure == *failure);
        if let Some(known) = known {
            return known;
        }
        if self.causes.len() < CAUSES_LIMIT {
            self.causes.push(Cause {
                failure: failure.clone(),
                since: now,
                example: partition.clone(),
                retrying: 0,
                most: 0,
                is_told: false,
            });
        }
        self.causes.len() - 1
    }

    /// Records that a partition doesn't retry, or no longer.
    pub(crate) fn settled(&mut self, partition: &TopicPartition, now: Instant) {
        let Some(cause) = self.partitions.get_mut(partition).and_then(Option::take) else {
            return;
        };
        self.causes[cause].retrying -= 1;
        self.retrying -= 1;
        if self.retrying == 0 {
            self.calm_since = Some(now);
        }
    }

    /// Records that a partition halted. Returns whether it is the first of its topic with the code, to be told at once; the
    /// others are counted.
    pub(crate) fn halted(
        &mut self,
        partition: &TopicPartition,
        code: HaltCode,
        now: Instant,
    ) -> bool {
        let key = (partition.topic.clone(), code);
        if let Some(halts) = self.halts.get_mut(&key) {
            halts.more += 1;
            return false;
        }
        let since = now;
        self.halts.insert(key, Halts { since, more: 0 });
        true
    }

    /// Returns the lines due at `now`; each is returned once.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Line> {
        let mut lines = self.halts_due(now);
        let are_several = self.causes.len() > 1;
        for cause in &mut self.causes {
            let is_due = now.duration_since(cause.since) >= GATHERING;
            // Connections that broke are one cause with what keeps new ones from being opened.
            let has_passed = cause.retrying == 0 && are_several;
            if cause.is_told || !is_due || has_passed && cause.failure.is_connection {
                continue;
            }
            cause.is_told = true;
            lines.push(Line::Retry {
                partitions: cause.most,
                example: cause.example.clone(),
                error: cause.failure.text.clone(),
            });
        }
        let is_calm = |it: Instant| now.duration_since(it) >= CALM;
        if let (Some(since), Some(until)) = (self.since, self.calm_since.filter(|it| is_calm(*it)))
        {
            lines.push(Line::Over {
                partitions: self.partitions.len(),
                took: until.duration_since(since),
            });
            let halts = std::mem::take(&mut self.halts);
            *self = Self {
                halts,
                ..Self::default()
            };
        }
        lines
    }

    fn halts_due(&mut self, now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        self.halts.retain(|(topic, code), halts| {
            if now.duration_since(halts.since) < GATHERING {
                return true;
            }
            if halts.more > 0 {
                lines.push(Line::Halted {
                    topic: topic.clone(),
                    code: *code,
                    more: halts.more,
                });
            }
            false
        });
        lines
    }
}

#[cfg(test)]
mod tests;
