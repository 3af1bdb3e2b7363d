use std::collections::BTreeSet;

use crate::checkpoint::MemoryStore;
use crate::control::groups::cut::Snapshot;
use crate::control::testing::{FakeMirror, FakeSite, partition};
use crate::model::{Intent, IntentChange, SourceOffset};

use super::*;

fn intents(intent: Intent) -> Arc<LinkIntents> {
    let change = IntentChange::Set(intent);
    Arc::new(
        LinkIntents::default()
            .change(None, change, "test", 1)
            .unwrap(),
    )
}

/// A group at 50 on the source, in a pass that began under one intent while another is in force now.
async fn carried(begun: Intent, now: Intent) -> Option<i64> {
    let (target, mirror) = (FakeSite::default(), FakeMirror::at(100));
    mirror.want(now);
    let ledger = Ledger::new(Arc::new(MemoryStore::default()), "link".into());
    let carrier = Carrier {
        target: &target,
        mirrored: &mirror,
        ledger: &ledger,
        board: &Board::default(),
        now_ms: 0,
        refresh_after_ms: 100,
        retention_ms: None,
        intents: intents(begun),
    };
    let commit = SourceCommit {
        offset: SourceOffset(50),
        metadata: None,
    };
    let groups = [("g".into(), [(partition(), commit)].into())].into();
    let snapshot = Snapshot {
        groups,
        ..Snapshot::default()
    };
    carrier
        .carry(Wants::Known {
            snapshot: Arc::new(snapshot),
            recorded: BTreeSet::new(),
            gone: BTreeSet::new(),
        })
        .await
        .unwrap();
    target.offset("g")
}

/// The pass may have begun long before the pause.
#[tokio::test]
async fn a_pass_writes_only_what_may_be_written_then_and_now() {
    use Intent::{Mirror, Open, Paused, Sealed};
    assert_eq!(carried(Mirror, Mirror).await, Some(45));
    for held in [Paused, Sealed, Open] {
        assert_eq!(carried(Mirror, held).await, None, "{held}");
        assert_eq!(carried(held, Mirror).await, None, "{held}");
    }
}
