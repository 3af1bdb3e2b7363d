//! Two clusters and farshore between them.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::compare;
use crate::support::farshore::{Farshore, paris_oslo};
use crate::support::groups;
use crate::support::pairs::Pairs;
use crate::support::read::{Isolation, Partition, Seen, contents};
use crate::support::topics::{self, Counter};
use crate::support::write::{Writer, numbered};

/// How long a mirror may take to catch up in a test.
pub(crate) const CATCH_UP: Duration = Duration::from_secs(120);

/// Source, target and farshore.
pub(crate) struct Setting {
    pub(crate) paris: Cluster,
    pub(crate) oslo: Cluster,
    pub(crate) farshore: Farshore,
    pub(crate) path: Path,
}

impl Setting {
    /// Starts both clusters; farshore is configured with these lines of its link and not started.
    pub(crate) async fn start(version: KafkaVersion, link: &str) -> Self {
        Self::between(Spec::new(version), Spec::new(version), link).await
    }

    /// The same with clusters of the caller's choice.
    pub(crate) async fn between(paris: Spec, oslo: Spec, link: &str) -> Self {
        let paris = Cluster::start(paris).await;
        let oslo = Cluster::start(oslo).await;
        let farshore = farshore(&paris, &oslo, link);
        Self {
            paris,
            oslo,
            farshore,
            path: Path::of(link),
        }
    }

    /// Creates a topic on the source that keeps records of any age.
    pub(crate) async fn topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let mut all = vec![
            ("retention.ms", "-1"),
            ("message.timestamp.after.max.ms", "9223372036854775807"),
        ];
        all.extend_from_slice(configs);
        topics::create(&self.paris.bootstrap(), name, partitions, 1, &all).await;
    }

    /// Writes records of these numbers to a partition on the source.
    pub(crate) async fn write(&self, topic: &str, partition: i32, numbers: Range<i64>) {
        let writer = Writer::new(&self.paris.bootstrap(), topic, &[]);
        writer.write(numbered(partition, numbers)).await;
    }

    /// Waits until everything the source has of a topic is mirrored.
    pub(crate) async fn mirrored(&self, topic: &str, partitions: i32) {
        let mut ends = Vec::new();
        for partition in 0..partitions {
            let (_, end) = topics::watermarks(&self.paris.bootstrap(), topic, partition).await;
            ends.push(end);
        }
        self.farshore.mirrors(topic, &ends).await;
    }

    /// Commits an offset on the source for a group without members.
    pub(crate) async fn commits(&self, group: &str, partition: (&str, i32), offset: i64) {
        let offset = (partition.0, partition.1, offset);
        groups::commit(&self.paris.bootstrap(), group, &[offset]).await;
    }

    /// The offset a group has on the target.
    pub(crate) async fn committed(&self, group: &str, partition: (&str, i32)) -> i64 {
        let found = groups::committed(&self.oslo.bootstrap(), group, &[partition]).await;
        let offset = found.into_values().next();
        offset.unwrap_or_else(|| panic!("{group} has no offset on the target"))
    }

    /// Reads which offsets of a mirrored partition hold the same record.
    pub(crate) async fn pairs(&self, topic: &str, partition: i32) -> Pairs {
        let (source, target) = (self.paris.bootstrap(), self.oslo.bootstrap());
        Pairs::read(&source, &target, topic, partition, self.path.isolation()).await
    }

    /// What a consumer reads on the source that goes on at an offset.
    pub(crate) async fn next_on_source(&self, topic: &str, number: i32, offset: i64) -> Vec<Seen> {
        let partition = Partition::new(&self.paris.bootstrap(), topic, number).from(offset);
        contents(partition.read(Isolation::Committed).await)
    }

    /// What a group reads on the target in each partition, resumed where it stands there.
    pub(crate) async fn next_on_target(
        &self,
        group: &str,
        topic: &str,
        partitions: i32,
    ) -> Vec<Vec<Seen>> {
        let read = groups::resume(&self.oslo.bootstrap(), group, topic, partitions).await;
        read.into_values().map(contents).collect()
    }

    /// Counts what the target holds of a topic, once it is there.
    pub(crate) async fn on_target(&self, topic: &str, partitions: i32) -> Counter {
        let bootstrap = self.oslo.bootstrap();
        topics::wait_led(&bootstrap, topic, partitions).await;
        Counter::new(&bootstrap, topic, partitions)
    }

    /// Compares a topic with its mirror; gives the number of records.
    pub(crate) async fn compare(&self, topic: &str, partitions: i32) -> u64 {
        let (source, target) = (self.paris.bootstrap(), self.oslo.bootstrap());
        let (source, target) = ((source.as_str(), topic), (target.as_str(), topic));
        let isolation = self.path.isolation();
        compare::all(source, target, partitions, isolation)
            .await
            .records
    }
}

/// A farshore of its own for a link between two clusters.
pub(crate) fn farshore(paris: &Cluster, oslo: &Cluster, link: &str) -> Farshore {
    farshore_by(env!("CARGO_BIN_EXE_farshore"), paris, oslo, link)
}

/// The same, started by a program that becomes farshore.
pub(crate) fn farshore_by(
    program: impl Into<PathBuf>,
    paris: &Cluster,
    oslo: &Cluster,
    link: &str,
) -> Farshore {
    let link = Path::of(link).configured(link);
    Farshore::new(
        program,
        &paris_oslo(&paris.bootstrap(), &oslo.bootstrap(), &link),
    )
}

/// How the records of a link travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    Raw,
    Record,
}

impl Path {
    /// What the lines of a link say; without a word of theirs what `FARSHORE_PATH` says, so that any test can be run on either.
    pub(crate) fn of(link: &str) -> Self {
        let chosen = std::env::var("FARSHORE_PATH").unwrap_or_default();
        let named = |line: &str| link.contains(line);
        if named("path = \"record\"") || !named("path = ") && chosen == "record" {
            Self::Record
        } else {
            Self::Raw
        }
    }

    /// The lines of a link with the path among them.
    pub(crate) fn configured(self, link: &str) -> String {
        match self {
            Self::Record if !link.contains("path = ") => format!("path = \"record\"\n{link}"),
            Self::Raw | Self::Record => link.to_owned(),
        }
    }

    /// How a mirror has to be read: the record path leaves transactions behind that it gave up.
    fn isolation(self) -> Isolation {
        match self {
            Self::Raw => Isolation::Uncommitted,
            Self::Record => Isolation::Committed,
        }
    }
}
