//! The end of the story: what agrees, in figures.

use std::time::Duration;

use crate::group::{Diary, Reading};
use crate::ledger::{Entry, Fingerprint, Ledger, difference};
use crate::narrator::{Narrator, grouped, show};
use crate::support::groups::TopicPartition;
use crate::traffic::{TOPICS, Topic, partitions};

/// Everything that independent readers saw.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The contents of the source.
    pub(crate) source: Ledger,
    /// The contents of the target, read so that aborted records would show.
    pub(crate) target: Ledger,
    /// The records that the group read on the source.
    pub(crate) before: Reading,
    /// The records that the group read on the target.
    pub(crate) after: Diary,
}

/// Durations and peak memory.
#[derive(Debug)]
pub(crate) struct Times {
    /// From the first start of farshore to the last record on the target.
    pub(crate) mirrored_in: Duration,
    /// From the loss of the source to the end of the group's reading on the target.
    pub(crate) failed_over_in: Duration,
    /// The peak memory of the last farshore process, in MiB.
    pub(crate) peak_memory: f64,
}

impl Evidence {
    /// Prints the figures. Returns whether everything agrees.
    pub(crate) fn verdict(&self, narrator: &Narrator, times: &Times) -> bool {
        let differences: Vec<String> = partitions()
            .filter_map(|partition| self.difference(&partition))
            .collect();
        narrator.say("The figures:");
        show(&self.table());
        show(&format!(
            "\nmirrored in {:.1} s with two kills; from the loss of paris to the group's last record on oslo {:.1} s; \
             farshore's peak memory {:.0} MiB",
            times.mirrored_in.as_secs_f64(),
            times.failed_over_in.as_secs_f64(),
            times.peak_memory
        ));
        for difference in &differences {
            show(&format!("DIFFERENCE {difference}"));
        }
        narrator.say(if differences.is_empty() {
            "All agree: no record is lost, changed, doubled or out of order, and the group read each exactly once."
        } else {
            "The sides do not agree."
        });
        differences.is_empty()
    }

    /// The difference found in a partition, if any.
    fn difference(&self, partition: &TopicPartition) -> Option<String> {
        let (topic, number) = partition;
        let source = self.source.get(partition).map_or(&[][..], Vec::as_slice);
        let target = self.target.get(partition).map_or(&[][..], Vec::as_slice);
        let wrong = |who: &str, what: String| format!("{topic}-{number}, {who}: {what}");
        if let Some(what) = difference(source, target.iter().map(|entry| entry.fingerprint)) {
            return Some(wrong("mirror partition", what));
        }
        if self.first_after(partition) != self.next_expected(partition) {
            return Some(wrong(
                "group's next record",
                "not the one paris would have given".to_owned(),
            ));
        }
        let read: Vec<Fingerprint> = self
            .read_before(partition)
            .iter()
            .chain(self.read_after(partition))
            .copied()
            .collect();
        difference(source, read.into_iter())
            .map(|what| wrong("group's reading over both sites", what))
    }

    fn read_before(&self, partition: &TopicPartition) -> &[Fingerprint] {
        self.before.diary.get(partition).map_or(&[], Vec::as_slice)
    }

    fn read_after(&self, partition: &TopicPartition) -> &[Fingerprint] {
        self.after.get(partition).map_or(&[], Vec::as_slice)
    }

    /// The first record that the group read on the target.
    fn first_after(&self, partition: &TopicPartition) -> Option<Fingerprint> {
        self.read_after(partition).first().copied()
    }

    /// The first record at or after the group's offset on the source.
    fn next_expected(&self, partition: &TopicPartition) -> Option<Fingerprint> {
        let committed = self.before.next.get(partition)?;
        let next = |entry: &&Entry| entry.offset >= *committed;
        self.source
            .get(partition)?
            .iter()
            .find(next)
            .map(|entry| entry.fingerprint)
    }

    fn table(&self) -> String {
        let mut text = row(&[
            "topic",
            "records on paris",
            "records on oslo",
            "group on paris",
            "group on oslo",
            "next record",
            "agrees",
        ]
        .map(str::to_owned));
        for topic in TOPICS {
            text.push_str(&row(&self.figures(topic)));
        }
        text
    }

    fn figures(&self, topic: Topic) -> [String; 7] {
        let sum = |count: &dyn Fn(&TopicPartition) -> usize| {
            grouped(topic.all().map(|one| count(&one)).sum::<usize>())
        };
        let next_right = topic
            .all()
            .filter(|one| self.first_after(one) == self.next_expected(one))
            .count();
        let agrees = topic.all().all(|one| self.difference(&one).is_none());
        [
            topic.name.to_owned(),
            sum(&|one| self.source.get(one).map_or(0, Vec::len)),
            sum(&|one| self.target.get(one).map_or(0, Vec::len)),
            sum(&|one| self.read_before(one).len()),
            sum(&|one| self.read_after(one).len()),
            format!("{next_right} of {}", topic.partitions),
            if agrees { "yes" } else { "NO" }.to_owned(),
        ]
    }
}

fn row(cells: &[String; 7]) -> String {
    let [topic, figures @ ..] = cells;
    let figures: Vec<String> = figures.iter().map(|cell| format!("{cell:>18}")).collect();
    format!("{topic:<10}{}\n", figures.concat())
}
