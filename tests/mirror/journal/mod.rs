//! The checkpoint DB or the journal is lost, damaged or out of date: the remaining one restores the other, and topics with
//! gaps continue exactly.

mod away;
mod lost;
mod newer;
mod records;
pub(crate) mod stale;
mod verbs;

use crate::histories::write_transactions;
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::topics;
use crate::support::wait::eventually;

pub(crate) const JOURNAL: &str = "__farshore.paris-oslo";

/// The log message when the journal restored what the DB had lost.
const DB_LACKED: &str = "the checkpoint DB lacked what the journal holds";

/// Fetches are small, so that most of them open new runs.
const SMALL_STEPS: &str =
    "topics = [\"txn\"]\npartition_max_bytes = \"1KiB\"\nfetch_max_bytes = \"64KiB\"";

/// A link with a topic of many gaps, and the number of its visible records.
struct Gaps {
    setting: Setting,
    visible: i64,
}

impl Gaps {
    /// Starts both clusters and fills the topic, without starting farshore.
    async fn start() -> Self {
        let setting = Setting::start(KafkaVersion::V4_1, SMALL_STEPS).await;
        setting.topic("txn", 1, &[]).await;
        let mut gaps = Self {
            setting,
            visible: 0,
        };
        gaps.write(60).await;
        gaps
    }

    /// Writes interleaved transactions, some of them aborted.
    async fn write(&mut self, rounds: u32) {
        let visible = write_transactions(&self.setting, "txn", rounds).await;
        self.visible += visible.cast_signed();
    }

    /// Waits until this many records are on the target.
    async fn reach(&self, count: i64) {
        let target = self.setting.on_target("txn", 1).await;
        target.reaches(count, CATCH_UP).await;
    }

    /// Waits until everything is mirrored.
    async fn all_mirrored(&self) {
        self.reach(self.visible).await;
        self.setting.mirrored("txn", 1).await;
    }

    /// The process id of the running farshore.
    fn process(&self) -> u32 {
        self.setting.farshore.process().pid()
    }

    /// Waits until the readiness probe reports that it waits for a former process, and for how long.
    async fn waits_for(&self, former: u32) {
        let farshore = &self.setting.farshore;
        let owner = format!("the link is owned by process {former} on ");
        eventually(CATCH_UP, "the former owner is waited for", async || {
            let answer = farshore.get("/readyz?scope=link").await?;
            let said = answer.body.to_string();
            let is_told = said.contains(&owner) && said.contains("has been silent for 9 s");
            (is_told && answer.status == 503).then_some(()).ok_or(said)
        })
        .await;
        logs(&self.setting, &owner).await;
    }

    /// Checks that new records are mirrored as exactly as before.
    async fn goes_on(&mut self) {
        self.write(10).await;
        self.is_exact().await;
    }

    /// Checks that everything is mirrored once, and that every offset is translated to its record.
    async fn is_exact(&self) {
        self.all_mirrored().await;
        assert_eq!(
            self.setting.compare("txn", 1).await,
            self.visible.unsigned_abs()
        );
        let pairs = self.setting.pairs("txn", 0).await;
        let sources: Vec<i64> = pairs.by_source.keys().copied().collect();
        let translated = self.setting.farshore.translate("txn", sources, false).await;
        assert_eq!(translated.len(), pairs.by_source.len());
        for pair in translated {
            let target = pairs.by_source[&pair.source_offset];
            assert!(
                pair.exact && pair.target_offset == target,
                "{pair:?}, is at {target}"
            );
        }
    }
}

/// Waits until the log of the running farshore contains a text.
pub(crate) async fn logs(setting: &Setting, text: &str) {
    eventually(CATCH_UP, &format!("the log says {text}"), async || {
        let log = setting.farshore.process().stderr();
        log.contains(text).then_some(()).ok_or(log)
    })
    .await;
}

/// Deletes the journal and waits until it is gone.
pub(crate) async fn lose_journal(setting: &Setting) {
    topics::delete(&setting.oslo.bootstrap(), JOURNAL).await;
}
