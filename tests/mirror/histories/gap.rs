//! Retention or record deletion on the source overtakes the mirror.

use super::told::{decisions, is_mapped, mapped_to, resolve, without_image};
use crate::hazards::sight::{caught_up, stands_still, translate};
use crate::hazards::{between, spec, write_batches};
use crate::setting::Setting;
use crate::support::farshore::Farshore;
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

    is_released_as_shown(&setting.farshore, "halted").await;
    caught_up(&setting.farshore, ("halted", 0), 50).await;

    for round in 0..2 {
        for topic in ["followed", "halted"] {
            lost_15_records(&setting, topic, round * 10).await;
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
    let behind = mapped_to(&setting, ("followed", 0), 35, 20).await;
    let carried = |it: &crate::support::operator::Carried| it.target_offset == Some(behind);
    let carried = setting
        .farshore
        .carries("g", ("followed", 0), "behind the gap", carried);
    assert!(!carried.await.exact);
}

/// Releases a topic that has stopped because of a gap: only a suitable policy is accepted, only where it is needed, as was
/// shown.
async fn is_released_as_shown(farshore: &Farshore, topic: &str) {
    assert_eq!(resolve(farshore, topic, &["adopt"]).await, Some(3));
    assert_eq!(resolve(farshore, "followed", &["follow"]).await, Some(3));
    let shown = resolve(farshore, topic, &["follow", "--dry-run"]).await;
    assert_eq!(shown, Some(0));
    assert!(decisions(farshore, topic).await.is_empty());
    let stale = resolve(farshore, topic, &["follow", "--hash", "ab"]).await;
    assert_eq!(stale, Some(3));
    assert_eq!(resolve(farshore, topic, &["follow"]).await, Some(0));
}

/// Checks what is reported about a topic whose offsets 20 to 34 were gone, with `more` records written since.
async fn lost_15_records(setting: &Setting, topic: &str, more: i64) {
    let decided = decisions(&setting.farshore, topic).await;
    let [decided] = &decided[..] else {
        panic!("{topic}: {decided:?}");
    };
    assert_eq!(decided.stretches, [("lost".to_owned(), 20, 35)]);
    let behind = mapped_to(setting, (topic, 0), 35, 20).await;
    assert_eq!((decided.source_offset, decided.target_offset), (35, behind));
    assert_eq!(
        without_image(&setting.farshore, topic, 0).await,
        [15, 0, 0, 0]
    );
    setting.holds(topic, 0, 0..35 + more).await;
    assert_eq!(is_mapped(setting, topic, 0, &[]).await as i64, 15 + more);
    for lost in 20..35 {
        let there = translate(&setting.farshore, (topic, 0), lost, false).await;
        assert_eq!(
            (there.target_offset, there.exact),
            (behind, false),
            "{there:?}"
        );
    }
}
