//! Two clusters and farshore between them.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::compare;
use crate::support::farshore::{self, Farshore};
use crate::support::groups;
use crate::support::pairs::Pairs;
use crate::support::read::{Isolation, Partition, Seen, contents};
use crate::support::topics::{self, Counter};
use crate::support::wait::eventually;
use crate::support::write::{Writer, numbered};

/// How long a mirror may take to catch up in a test.
pub(crate) const CATCH_UP: Duration = Duration::from_secs(120);

/// Source, target and farshore.
pub(crate) struct Setting {
    // Before the clusters: it ends before another test gets them.
    pub(crate) farshore: Farshore,
    pub(crate) paris: Cluster,
    pub(crate) oslo: Cluster,
    pub(crate) path: Path,
}

impl Setting {
    /// Starts both clusters. farshore is configured with these lines of its link, but not started.
    pub(crate) async fn start(version: KafkaVersion, link: &str) -> Self {
        Self::between(Spec::new(version), Spec::new(version), link).await
    }

    /// Like [`Self::start`], with the given clusters.
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

    /// Writes records with these numbers to a partition on the source.
    pub(crate) async fn write(&self, topic: &str, partition: i32, numbers: Range<i64>) {
        let writer = Writer::new(&self.paris.bootstrap(), topic, &[]);
        writer.write(numbered(partition, numbers)).await;
    }

    /// Waits until all of a topic on the source is mirrored.
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

    /// The committed offset of a group on the target.
    pub(crate) async fn committed(&self, group: &str, partition: (&str, i32)) -> i64 {
        let found = groups::committed(&self.oslo.bootstrap(), group, &[partition]).await;
        let offset = found.into_values().next();
        offset.unwrap_or_else(|| panic!("{group} has no offset on the target"))
    }

    /// Reads a partition on both sides and returns which offsets hold the same record.
    pub(crate) async fn pairs(&self, topic: &str, partition: i32) -> Pairs {
        let (source, target) = (self.paris.bootstrap(), self.oslo.bootstrap());
        Pairs::read(&source, &target, topic, partition, self.path.isolation()).await
    }

    /// The target offset of the record at a source offset, or of the next record, found by reading both sides. On the raw
    /// path it is `on_raw`; on the record path markers shift it.
    pub(crate) async fn image(&self, partition: (&str, i32), offset: i64, on_raw: i64) -> i64 {
        let image = self.pairs(partition.0, partition.1).await.on_target(offset);
        if self.path == Path::Raw {
            assert_eq!(image, on_raw, "{partition:?} at source offset {offset}");
        }
        image
    }

    /// Checks that a mirror partition shows as many records as the range has offsets; on the raw path that is its whole
    /// log.
    pub(crate) async fn holds(&self, topic: &str, number: i32, offsets: Range<i64>) {
        let oslo = self.oslo.bootstrap();
        let shown = Partition::new(&oslo, topic, number);
        let shown = shown.read(Isolation::Committed).await.len();
        let shown = i64::try_from(shown).expect("a small number");
        assert_eq!(shown, offsets.end - offsets.start, "{topic}-{number}");
        if self.path == Path::Raw {
            let on_target = topics::watermarks(&oslo, topic, number).await;
            assert_eq!(on_target, (offsets.start, offsets.end), "{topic}-{number}");
        }
    }

    /// The number of records that a mirror shows; only on the raw path do offsets reveal it. The error describes the last
    /// state, for `eventually`.
    pub(crate) async fn shown(&self, topic: &str, partitions: i32) -> Result<i64, String> {
        let oslo = self.oslo.bootstrap();
        if self.path == Path::Raw {
            return Counter::new(&oslo, topic, partitions).count().await;
        }
        let mut count = 0;
        for number in 0..partitions {
            let partition = Partition::new(&oslo, topic, number);
            count += partition.read(Isolation::Committed).await.len();
        }
        i64::try_from(count).map_err(|error| error.to_string())
    }

    /// Waits until a mirror shows `wanted` records.
    pub(crate) async fn arrives(&self, topic: &str, partitions: i32, wanted: i64) {
        let target = self.on_target(topic, partitions).await;
        target.reaches(wanted, CATCH_UP).await;
        let what = format!("{wanted} records of {topic} are shown");
        eventually(CATCH_UP, &what, async || {
            let shown = self.shown(topic, partitions).await?;
            (shown >= wanted).then_some(()).ok_or(shown.to_string())
        })
        .await;
    }

    /// The records that a consumer reads on the source from an offset on.
    pub(crate) async fn next_on_source(&self, topic: &str, number: i32, offset: i64) -> Vec<Seen> {
        let partition = Partition::new(&self.paris.bootstrap(), topic, number).from(offset);
        contents(partition.read(Isolation::Committed).await)
    }

    /// The records that a group reads on the target in each partition, resumed at its committed offsets.
    pub(crate) async fn next_on_target(
        &self,
        group: &str,
        topic: &str,
        partitions: i32,
    ) -> Vec<Vec<Seen>> {
        let read = groups::resume(&self.oslo.bootstrap(), group, topic, partitions).await;
        read.into_values().map(contents).collect()
    }

    /// A counter of the target's records of a topic, once the topic exists.
    pub(crate) async fn on_target(&self, topic: &str, partitions: i32) -> Counter {
        let bootstrap = self.oslo.bootstrap();
        topics::wait_led(&bootstrap, topic, partitions).await;
        Counter::new(&bootstrap, topic, partitions)
    }

    /// Compares a topic with its mirror. Returns the number of records.
    pub(crate) async fn compare(&self, topic: &str, partitions: i32) -> u64 {
        let (source, target) = (self.paris.bootstrap(), self.oslo.bootstrap());
        let (source, target) = ((source.as_str(), topic), (target.as_str(), topic));
        let isolation = self.path.isolation();
        compare::all(source, target, partitions, isolation)
            .await
            .records
    }
}

/// A separate farshore for a link between two clusters.
pub(crate) fn farshore(paris: &Cluster, oslo: &Cluster, link: &str) -> Farshore {
    farshore_by(env!("CARGO_BIN_EXE_farshore"), paris, oslo, link)
}

/// Like [`farshore`], started by a program that becomes farshore.
pub(crate) fn farshore_by(
    program: impl Into<PathBuf>,
    paris: &Cluster,
    oslo: &Cluster,
    link: &str,
) -> Farshore {
    Farshore::new(
        program,
        &paris_oslo(&paris.bootstrap(), &oslo.bootstrap(), link),
    )
}

/// The configuration of the two clusters and a link with these lines, on the path given by the lines or the environment.
pub(crate) fn paris_oslo(paris: &str, oslo: &str, link: &str) -> String {
    farshore::paris_oslo(paris, oslo, &Path::of(link).configured(link))
}

/// How the records of a link are transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    Raw,
    Record,
}

impl Path {
    /// The path given by the lines of a link, or else by `FARSHORE_PATH`, so that any test can be run on either. Offsets
    /// are preserved only on the raw path.
    pub(crate) fn of(link: &str) -> Self {
        let chosen = std::env::var("FARSHORE_PATH").unwrap_or_default();
        let says = |line: &str| own_lines(link).contains(line);
        let is_open = !says("path = ") && !says("offsets = \"preserve\"");
        if says("path = \"record\"") || is_open && chosen == "record" {
            Self::Record
        } else {
            Self::Raw
        }
    }

    /// The lines of a link, including the path.
    pub(crate) fn configured(self, link: &str) -> String {
        match self {
            Self::Record if !own_lines(link).contains("path = ") => {
                format!("path = \"record\"\n{link}")
            }
            Self::Raw | Self::Record => link.to_owned(),
        }
    }

    /// The isolation level for reading a mirror: the record path leaves aborted transactions behind.
    pub(crate) fn isolation(self) -> Isolation {
        match self {
            Self::Raw => Isolation::Uncommitted,
            Self::Record => Isolation::Committed,
        }
    }
}

/// The lines of the first link, without those of later links.
fn own_lines(links: &str) -> &str {
    links.split("\n[links.").next().unwrap_or(links)
}
