//! Retention or DeleteRecords on the source overtakes the mirror.

use super::told::{decisions, is_mapped, without_image};
use crate::hazards::sight::{caught_up, stands_still, translate};
use crate::hazards::{between, spec, write_batches};
use crate::support::topics;

const LINK: &str = "topics = [\"followed\", \"halted\"]\ngroups = [\"g\"]\n\
    [[links.paris-oslo.overrides]]\ntopics = [\"follow.*\"]\non_gap = \"follow\"";

#[tokio::test]
async fn a_gap_is_followed_by_policy_or_by_an_operator_and_is_on_record() {
    let mut setting = between(spec(), spec(), LINK).await;
    let paris = setting.paris.bootstrap();
    for topic in ["followed", "halted"] {
        setting.topic(topic, 1, &[]).await;
        write_batches(&setting, topic, 0, [0..20], 20).await;
    }
    setting.farshore.start().await;
    for topic in ["followed", "halted"] {
        caught_up(&setting.farshore, (topic, 0), 20).await;
    }
    setting.farshore.kill9();
    for topic in ["followed", "halted"] {
        write_batches(&setting, topic, 0, [20..50], 20).await;
        topics::delete_records(&paris, topic, 0, 35).await;
    }
    setting.commits("g", ("followed", 0), 25).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("followed", 0), 50).await;
    let (state, reason) = stands_still(&setting.farshore, ("halted", 0)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str()),
        ("halted", "source_gap")
    );

    // Only what helps is taken, only where it is needed, and it is shown first if asked to.
    let resolve =
        async |farshore: &crate::support::farshore::Farshore, topic: &str, rest: &[&str]| {
            let line = [
                "resolve",
                "--link",
                "paris-oslo",
                "--topic",
                topic,
                "--with",
            ];
            farshore.cli(&[&line[..], rest].concat()).await
        };
    let refused = resolve(&setting.farshore, "halted", &["adopt"]).await;
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let refused = resolve(&setting.farshore, "followed", &["follow"]).await;
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let shown = resolve(&setting.farshore, "halted", &["follow", "--dry-run"]).await;
    assert_eq!(shown.status.code(), Some(0), "{shown:?}");
    assert!(decisions(&setting.farshore, "halted").await.is_empty());
    let stale = resolve(&setting.farshore, "halted", &["follow", "--hash", "ab"]).await;
    assert_eq!(stale.status.code(), Some(3), "{stale:?}");
    let done = resolve(&setting.farshore, "halted", &["follow"]).await;
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    caught_up(&setting.farshore, ("halted", 0), 50).await;

    for round in 0..2 {
        for topic in ["followed", "halted"] {
            let decided = decisions(&setting.farshore, topic).await;
            let [decided] = &decided[..] else {
                panic!("{topic}, {round}: {decided:?}");
            };
            assert_eq!(decided.stretches, [("lost".to_owned(), 20, 35)]);
            assert_eq!((decided.source_offset, decided.target_offset), (35, 20));
            assert_eq!(
                without_image(&setting.farshore, topic, 0).await,
                [15, 0, 0, 0]
            );
            let on_target = topics::watermarks(&setting.oslo.bootstrap(), topic, 0).await;
            assert_eq!(on_target, (0, 35 + round * 10));
            assert_eq!(
                is_mapped(&setting, topic, 0, &[]).await as i64,
                15 + round * 10
            );
            for lost in 20..35 {
                let there = translate(&setting.farshore, (topic, 0), lost, false).await;
                assert_eq!((there.target_offset, there.exact), (20, false), "{there:?}");
            }
        }
        setting.farshore.kill9();
        for topic in ["followed", "halted"] {
            let first = 50 + usize::try_from(round).expect("small") * 10;
            write_batches(&setting, topic, 0, [first..first + 10], 20).await;
        }
        setting.farshore.start().await;
        for topic in ["followed", "halted"] {
            caught_up(&setting.farshore, (topic, 0), 60 + round * 10).await;
        }
    }
    let carried = |it: &crate::support::operator::Carried| it.target_offset == Some(20);
    let carried = setting
        .farshore
        .carries("g", ("followed", 0), "behind the gap", carried);
    assert!(!carried.await.exact);
}
