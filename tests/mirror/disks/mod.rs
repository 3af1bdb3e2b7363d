//! The disk of the checkpoint DB is full or read-only, at the start or while gaps are mirrored: mirroring stops and reports
//! why, and continues exactly once the disk is writable.

mod disk;

use disk::{Disk, Kind};
use futures_util::future::join_all;

use crate::asking::readiness;
use crate::histories::write_transactions;
use crate::setting::{CATCH_UP, Setting, farshore_by};
use crate::support::brokers::KafkaVersion;
use crate::support::groups::commit_with_texts;
use crate::support::wait::eventually;

/// Fetches are small, so that most of them open new runs.
const LINK: &str =
    "topics = [\"txn\"]\npartition_max_bytes = \"1KiB\"\nfetch_max_bytes = \"64KiB\"";

const GROUPS: usize = 40;

/// A link whose DB is on a disk that can be spoiled, with a topic of many gaps.
struct Spoilt {
    setting: Setting,
    disk: Disk,
    visible: i64,
}

impl Spoilt {
    /// Starts with everything mirrored and a good disk.
    async fn start(kind: Kind) -> Self {
        let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
        let disk = Disk::new(kind);
        setting.farshore = farshore_by(disk.program(), &setting.paris, &setting.oslo, LINK);
        disk.prepare(&setting.farshore);
        setting.topic("txn", 1, &[]).await;
        setting.farshore.start().await;
        let mut spoilt = Self {
            setting,
            disk,
            visible: 0,
        };
        spoilt.write().await;
        spoilt.is_exact().await;
        spoilt
    }

    /// Writes transactions, and has groups commit long metadata, which the DB must store.
    async fn write(&mut self) {
        let visible = write_transactions(&self.setting, "txn", 4).await;
        self.visible += visible.cast_signed();
        let (bootstrap, text) = (self.setting.paris.bootstrap(), "long ".repeat(800));
        let texts = [text.as_str()];
        let offset = [("txn", 0, self.visible)];
        let names: Vec<String> = (0..GROUPS).map(|number| format!("g{number}")).collect();
        let commits = names
            .iter()
            .map(|group| commit_with_texts(&bootstrap, group, &offset, &texts));
        join_all(commits).await;
    }

    async fn is_exact(&self) {
        let target = self.setting.on_target("txn", 1).await;
        target.reaches(self.visible, CATCH_UP).await;
        self.setting.mirrored("txn", 1).await;
        let compared = self.setting.compare("txn", 1).await;
        assert_eq!(compared, self.visible.unsigned_abs());
        let pairs = self.setting.pairs("txn", 0).await;
        let sources: Vec<i64> = pairs.by_source.keys().copied().collect();
        let translated = self.setting.farshore.translate("txn", sources, false).await;
        for pair in translated {
            let expected = pairs.by_source[&pair.source_offset];
            assert_eq!((pair.target_offset, pair.exact), (expected, true));
        }
    }

    /// Checks that the state is visible wherever an operator looks, and logged once.
    async fn is_told(&self) {
        let farshore = &self.setting.farshore;
        let reasons = readiness(farshore, 503).await;
        let told = "nothing is mirrored until the checkpoint DB can be written again";
        assert!(reasons.contains(told), "{reasons}");
        assert!(reasons.contains(self.disk.remedy()), "{reasons}");
        let link = farshore.get_json("/v1/links/paris-oslo").await;
        let link = link.expect("the link");
        assert_eq!(link["state"], "waiting", "{link}");
        assert!(link["detail"].to_string().contains(told), "{link}");
        assert_eq!(link["partitions_by_state"]["retrying"], 1, "{link}");
        assert_eq!(self.failures_told(), 1);
    }

    fn failures_told(&self) -> usize {
        let log = self.setting.farshore.process().stderr();
        log.matches("the checkpoint DB has failed").count()
    }
}

/// Writes until the DB can't be written, then mends the disk, both while records keep arriving.
async fn spoil_and_mend(kind: Kind) {
    let mut spoilt = Spoilt::start(kind).await;
    spoilt.disk.spoil(&spoilt.setting.farshore);
    while spoilt.failures_told() == 0 {
        spoilt.write().await;
    }
    spoilt.is_told().await;
    spoilt.write().await;
    spoilt.disk.mend(&spoilt.setting.farshore);
    spoilt.is_exact().await;
    // The state stored on the mended disk is enough to resume from.
    spoilt.setting.farshore.kill9();
    spoilt.setting.farshore.start().await;
    spoilt.write().await;
    spoilt.is_exact().await;
}

#[tokio::test]
async fn a_full_disk_stops_the_link_until_there_is_room() {
    spoil_and_mend(Kind::Full).await;
}

#[tokio::test]
async fn a_limit_on_the_size_of_files_is_no_different() {
    spoil_and_mend(Kind::Limited).await;
}

/// Only a restart helps: a filesystem that was remounted read-only doesn't become writable by itself.
#[tokio::test]
async fn a_disk_that_turns_read_only_stops_the_link() {
    let mut spoilt = Spoilt::start(Kind::ReadOnly).await;
    spoilt.disk.spoil(&spoilt.setting.farshore);
    while spoilt.failures_told() == 0 {
        spoilt.write().await;
    }
    spoilt.is_told().await;
    spoilt.setting.farshore.kill9();
    spoilt.write().await;
    spoilt.setting.farshore.start().await;
    spoilt.is_exact().await;
}

#[tokio::test]
async fn a_read_only_directory_is_refused_at_the_start() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    let disk = Disk::new(Kind::ReadOnlyFromTheStart);
    setting.farshore = farshore_by(disk.program(), &setting.paris, &setting.oslo, LINK);
    disk.prepare(&setting.farshore);
    setting.farshore.launch();
    eventually(CATCH_UP, "the reason is told", async || {
        let log = setting.farshore.process().stderr();
        let is_told = log.contains("cannot be used; ") && log.contains("another [checkpoint] path");
        is_told.then_some(()).ok_or(log)
    })
    .await;
    assert_eq!(setting.farshore.wait_end().await.code(), Some(1));
}
