//! The checkpoint DB is lost, damaged or out of date, or the journal is: whichever is left makes the other whole, and topics
//! with gaps go on exactly.

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

/// The journal of the link.
pub(crate) const JOURNAL: &str = "__farshore.paris-oslo";

/// What the log says when the journal filled what the DB had lost.
const DB_LACKED: &str = "the checkpoint DB lacked what the journal holds";

/// Shipments are small, so that most of them open runs of their own.
const SMALL_STEPS: &str =
    "topics = [\"txn\"]\npartition_max_bytes = \"1KiB\"\nfetch_max_bytes = \"64KiB\"";

/// A link with a topic of many gaps, and how many records of it a reader may see.
struct Gaps {
    setting: Setting,
    visible: i64,
}

impl Gaps {
    /// Both clusters run, the topic is filled, farshore doesn't run.
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

    /// The number of the running process.
    fn process(&self) -> u32 {
        self.setting.farshore.process().pid()
    }

    /// Waits until a readiness probe says that a former process is waited for, and for how long.
    async fn waits_for(&self, former: u32) {
        let farshore = &self.setting.farshore;
        let owner = format!("the link is owned by process {former} on ");
        eventually(CATCH_UP, "the former owner is waited for", async || {
            let answer = farshore.get("/readyz").await?;
            let said = answer.body.to_string();
            let is_told = said.contains(&owner) && said.contains("was silent for 9 s");
            (is_told && answer.status == 503).then_some(()).ok_or(said)
        })
        .await;
        logs(&self.setting, &owner).await;
    }

    /// Mirrors what comes next as exactly as what was there before.
    async fn goes_on(&mut self) {
        self.write(10).await;
        self.is_exact().await;
    }

    /// Everything is mirrored once, and every offset is translated to where its record is.
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

/// Waits until the log of a running farshore says something.
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
