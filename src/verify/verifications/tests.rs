use super::*;
use crate::checkpoint::testing::FailingStore;
use crate::model::{HaltCode, Obstacle, Reason, Unmirrored};

#[tokio::test]
async fn a_verification_that_could_not_be_called_off_durably_goes_on() {
    let failing = Arc::new(FailingStore::default());
    let store: Arc<dyn Store> = Arc::<FailingStore>::clone(&failing);
    let view = LinkView::load(&"l".into(), &store, |_| true).unwrap();
    let verifications = Verifications::load(&view, &store).unwrap();
    let ordered = Verification {
        id: "1".to_owned(),
        link: "l".into(),
        topics: Vec::new(),
        state: Stage::Running,
        started_at: Timestamp::now(),
        ended_at: None,
    };
    verifications.known.lock().ordered = vec![(ordered, Vec::new())];
    failing.fail_after(0);
    assert!(verifications.cancel("1", Update::new()).await.is_err());
    assert_eq!(verifications.running().as_deref(), Some("1"));
    failing.fail_after(usize::MAX);
    for _ in 0..2 {
        let report = verifications.cancel("1", Update::new()).await.unwrap();
        let shown = report.unwrap().verification;
        assert_eq!(shown.state, Stage::Cancelled);
        let stored = stored::verifications_of(&*store, &"l".into()).unwrap();
        assert_eq!(stored, [("1".to_owned(), shown)]);
    }
}

/// A verification without them would call the mirror equal.
#[tokio::test]
async fn partitions_without_a_mirror_cannot_be_compared() {
    let store: Arc<dyn Store> = Arc::new(crate::checkpoint::MemoryStore::new());
    let view = LinkView::load(&"l".into(), &store, |_| true).unwrap();
    let reason = Reason::new(HaltCode::PartitionsMissing, "it may not grow");
    let unmirrored = Unmirrored {
        mirror_topic: "m".into(),
        partitions: 1..3,
        initial_partitions: 0,
        obstacle: Obstacle::Refused(reason),
    };
    view.show_unmirrored(&[("t".into(), unmirrored)].into());
    let verifications = Verifications::load(&view, &store).unwrap();
    let report = verifications
        .order(Vec::new(), Update::new())
        .await
        .unwrap();
    assert_eq!(report.partitions.len(), 2);
    for examined in &report.partitions {
        assert_eq!(examined.outcome, Some(Outcome::Failed));
        let detail = examined.detail.as_deref();
        assert_eq!(
            detail,
            Some("nothing of it is mirrored yet: it may not grow")
        );
    }
}
