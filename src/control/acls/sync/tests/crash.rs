//! Processes that die between two steps, stores that fail, and a source that is lost.

use super::*;
use crate::checkpoint::testing::FailingStore;

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_that_could_not_be_recorded() {
    let store = Arc::new(FailingStore::default());
    let ends =
        [[].as_slice(), shared().as_slice()].map(|entries| Arc::new(FakeAcls::with(entries)));
    let mut bench = Bench::over(
        GUARD,
        ends,
        Arc::<FailingStore>::clone(&store) as Arc<dyn Store>,
    );
    store.fail_after(0);
    let error = bench.sync.round(&mut bench.memory).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    bench.target_has(&shared());
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_opened_although_the_source_was_lost_before_the_start() {
    let mut bench = Bench::new(BOTH, &[], &shared());
    bench.round().await;
    bench.target_has(&[shared().as_slice(), &guards()].concat());
    let bench = bench.restarted(BOTH);
    let unconfirmed = MirrorSet {
        confirmed: false,
        ..MirrorSet::clone(&mirror_set(&["t"]))
    };
    bench.set.send_replace(Arc::new(unconfirmed));
    bench.source.set(|inner| inner.is_silent = true);
    bench.mirror.want(Intent::Open);
    let target = Arc::clone(&bench.target);
    let token = CancellationToken::new();
    let running = bench.sync.run(token);
    assert!(timeout(Duration::from_secs(20), running).await.is_err());
    assert_eq!(target.entries(), shared().into_iter().collect());
}

/// After each effect, made or not, the process dies; the next one completes it, or takes everything back.
#[tokio::test(start_paused = true)]
async fn a_crash_after_any_effect_is_made_good_by_the_next_process() {
    let source = [allow("User:carol", Op::All, "t"), deny(BOB, Op::Read, "t")];
    let added = [
        guards().as_slice(),
        &[allow("User:carol", Op::Read, "t"), deny(BOB, Op::Read, "t")],
    ]
    .concat();
    let mut crashes = 0;
    for (effects, makes_last) in (0..10).flat_map(|it| [(it, false), (it, true)]) {
        for next_rules in [BOTH, ""] {
            let mut bench = Bench::new(BOTH, &source, &shared());
            bench.target.set(|inner| {
                (inner.answers, inner.makes_last) = (Some(effects), makes_last);
            });
            let round = timeout(Duration::from_secs(60), bench.round()).await;
            crashes += usize::from(round.is_err());
            let mut bench = bench.restarted(next_rules);
            if next_rules.is_empty() {
                // Nothing is wanted any more.
                bench.source.set(|inner| inner.authorizer.entries.clear());
                bench.sync.config.acls.sync = true;
            }
            bench.round().await;
            bench.round().await;
            let expected = if next_rules.is_empty() {
                &[][..]
            } else {
                &added
            };
            bench.target_has(&[shared().as_slice(), expected].concat());
            assert_eq!(bench.target.set(|inner| inner.refused_itself), 0);
            let recorded = stored_acls(&*bench.store, &"paris-oslo".into()).unwrap();
            let recorded = recorded.values().flat_map(|it| it.added.keys()).count();
            assert_eq!(recorded, expected.len(), "after {effects}, {makes_last}");
        }
    }
    assert!(crashes >= 4, "{crashes}");
}
