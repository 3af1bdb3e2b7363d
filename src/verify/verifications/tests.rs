use super::*;
use crate::checkpoint::testing::FailingStore;

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
