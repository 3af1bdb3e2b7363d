//! A cluster loses the tail of a log: the source what was already mirrored (H11), or the target what it had acknowledged
//! (H13).

use super::told::{content, decisions, has_no_image, is_mapped, mapped_to, resolve, without_image};
use crate::hazards::sight::{caught_up, stands_still};
use crate::hazards::truncated::cut;
use crate::hazards::{between, broker, spec, write_batches};
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::topics;
use crate::support::wait::eventually;

/// Mirrors 17 records of each topic, cuts these source logs at 10 while farshore is down, and lets some grow again.
pub(crate) async fn lose_tails(
    paris: Spec,
    link: &str,
    (topics, whole): (&[&str], &[&str]),
    grown: &[&str],
) -> Setting {
    let mut setting = between(paris, spec(), link).await;
    for topic in topics.iter().chain(whole) {
        setting.topic(topic, 1, &[]).await;
        write_batches(&setting, topic, 0, [0..10, 10..17], 20).await;
    }
    setting.farshore.start().await;
    for topic in topics.iter().chain(whole) {
        caught_up(&setting.farshore, (topic, 0), 17).await;
    }
    setting.farshore.sigterm().await;
    setting.paris.kill(1);
    for topic in topics {
        cut(&setting.paris.data_dir(1), topic, 10);
    }
    setting.paris.restart(1).await;
    for topic in grown.iter().chain(whole) {
        topics::wait_led(&setting.paris.bootstrap(), topic, 1).await;
        write_batches(&setting, topic, 0, [100..120], 20).await;
    }
    setting
}

/// Checks that a topic continues behind the seven records that only the target has, also after a kill.
async fn goes_on_behind_surplus(setting: &mut Setting, topic: &str, on_source: i64) {
    for round in 0..2 {
        let end = on_source + 5 * (round + 1);
        let first = usize::try_from(200 + 5 * round).expect("small");
        write_batches(setting, topic, 0, [first..first + 5], 20).await;
        if round > 0 {
            setting.farshore.kill9();
            setting.farshore.start().await;
        }
        caught_up(&setting.farshore, (topic, 0), end).await;
        let mapped = is_mapped(setting, topic, 0, &[]).await;
        assert_eq!(mapped as i64, end, "{topic}");
        let surplus = surplus(setting, topic).await;
        has_no_image(setting, (topic, 0), surplus.clone()).await;
        let on_target = content(&setting.oslo.bootstrap(), topic, 0).await;
        assert_eq!(on_target.len() as i64, end + 7, "{topic}");
        assert_eq!(on_target.range(surplus).count(), 7, "{topic}");
    }
    let surplus = surplus(setting, topic).await;
    let decided = decisions(&setting.farshore, topic).await;
    let [decided] = &decided[..] else {
        panic!("{topic}: {decided:?}");
    };
    assert_eq!(
        (decided.action.as_str(), decided.code.as_str()),
        ("follow", "source_truncated")
    );
    let (from, until) = (surplus.start, surplus.end);
    assert_eq!(decided.stretches, [("target_only".to_owned(), from, until)]);
    assert_eq!((decided.source_offset, decided.target_offset), (10, until));
    let counted = without_image(&setting.farshore, topic, 0).await;
    let count = u64::try_from(until - from).expect("a count");
    assert_eq!(counted, [0, 0, 0, count]);
}

/// Waits until this number of records of a halted partition is shown to be missing.
async fn lacks(setting: &Setting, topic: &str, records: i64) {
    eventually(CATCH_UP, "the lag is shown", async || {
        let shown = crate::asking::partition(&setting.farshore, topic, 0).await?;
        let is_shown = shown["lag_records"] == records && shown["lag_ms"].as_i64() > Some(0);
        is_shown.then_some(()).ok_or(shown.to_string())
    })
    .await;
}

/// The target's range of what the source lost: between the images of the record before it and of the first record after it.
/// On the record path it contains markers.
async fn surplus(setting: &Setting, topic: &str) -> std::ops::Range<i64> {
    let before = mapped_to(setting, (topic, 0), 9, 9).await;
    before + 1..mapped_to(setting, (topic, 0), 10, 17).await
}

#[tokio::test]
async fn what_the_source_lost_stays_on_the_target_and_the_map_goes_on_behind_it() {
    let link = "topics = [\".*\"]\non_truncate = \"follow\"\n\
        [[links.paris-oslo.overrides]]\ntopics = [\"halted\"]\non_truncate = \"halt\"";
    let cut = ["short", "grown", "halted"];
    let mut setting = lose_tails(spec(), link, (&cut, &["whole"]), &["grown", "halted"]).await;
    setting.farshore.start().await;
    let (state, reason) = stands_still(&setting.farshore, ("halted", 0)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str()),
        ("diverged", "source_truncated")
    );
    assert_eq!(reason.source_offset, Some(10), "{reason:?}");
    // Everything behind the place where the logs part.
    lacks(&setting, "halted", 20).await;
    setting.holds("halted", 0, 0..17).await;
    caught_up(&setting.farshore, ("whole", 0), 37).await;
    assert_eq!(setting.compare("whole", 1).await, 37);
    assert_eq!(
        resolve(&setting.farshore, "halted", &["follow"]).await,
        Some(0)
    );
    for (topic, end) in [("short", 10), ("grown", 30), ("halted", 30)] {
        goes_on_behind_surplus(&mut setting, topic, end).await;
    }
}

/// Brokers up to 3.9 keep the leader epoch when a lone broker comes back without its last records.
#[tokio::test]
async fn a_tail_lost_without_a_new_epoch_is_found_by_content() {
    let link = "topics = [\"grown\"]\non_truncate = \"follow\"";
    let paris = Spec::new(KafkaVersion::V3_9);
    let mut setting = lose_tails(paris, link, (&["grown"], &[]), &["grown"]).await;
    setting.farshore.start().await;
    goes_on_behind_surplus(&mut setting, "grown", 30).await;
}

/// The returning leader lacks what the lost one had, and farshore is notified of it by a fetch.
#[tokio::test]
async fn an_unclean_election_under_way_is_followed_from_where_the_logs_part() {
    let link = "topics = [\"t\"]\non_truncate = \"follow\"";
    let mut setting = between(spec().brokers(2), spec(), link).await;
    let paris = setting.paris.bootstrap();
    let configs = [
        ("min.insync.replicas", "1"),
        ("unclean.leader.election.enable", "true"),
        ("retention.ms", "-1"),
    ];
    broker::place(&paris, "t", &[1, 2], &configs).await;
    setting.farshore.start().await;
    write_batches(&setting, "t", 0, [0..10], 20).await;
    broker::in_sync(&paris, "t", 2).await;
    caught_up(&setting.farshore, ("t", 0), 10).await;
    setting.paris.kill(2);
    broker::in_sync(&paris, "t", 1).await;
    write_batches(&setting, "t", 0, [10..17], 20).await;
    caught_up(&setting.farshore, ("t", 0), 17).await;
    setting.paris.kill(1);
    setting.paris.start_node(2).await;
    broker::leads(&paris, "t", 2).await;
    write_batches(&setting, "t", 0, [100..103], 20).await;
    eventually(CATCH_UP, "it is decided", async || {
        let decided = decisions(&setting.farshore, "t").await;
        (!decided.is_empty())
            .then_some(())
            .ok_or_else(|| "not yet".to_owned())
    })
    .await;
    caught_up(&setting.farshore, ("t", 0), 13).await;
    setting.paris.restart(1).await;
    goes_on_behind_surplus(&mut setting, "t", 13).await;
}

#[tokio::test]
async fn what_the_target_lost_is_mirrored_again() {
    let link = "topics = [\"followed\", \"halted\"]\n[[links.paris-oslo.overrides]]\n\
        topics = [\"followed\"]\non_target_truncate = \"follow\"";
    let mut setting = between(spec(), spec(), link).await;
    let topics = ["followed", "halted"];
    for topic in topics {
        setting.topic(topic, 1, &[]).await;
        write_batches(&setting, topic, 0, [0..10], 20).await;
    }
    setting.farshore.start().await;
    // Two batches on the target, so that there is a boundary to cut at.
    for end in [10, 17] {
        for topic in topics {
            caught_up(&setting.farshore, (topic, 0), end).await;
            if end == 10 {
                write_batches(&setting, topic, 0, [10..17], 20).await;
            }
        }
    }
    // A clean stop, which stores what was acknowledged: the loss of unknown records can't be noticed.
    setting.farshore.sigterm().await;
    let mut ends = Vec::new();
    for topic in topics {
        ends.push(setting.image((topic, 0), 10, 10).await);
    }
    setting.oslo.kill(1);
    for (topic, end) in topics.into_iter().zip(&ends) {
        cut(&setting.oslo.data_dir(1), topic, *end);
        write_batches(&setting, topic, 0, [17..20], 20).await;
    }
    setting.oslo.restart(1).await;
    setting.farshore.start().await;
    let (state, reason) = stands_still(&setting.farshore, ("halted", 0)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str()),
        ("diverged", "target_truncated")
    );
    // What the target lost, and what was written since.
    lacks(&setting, "halted", 10).await;
    assert_eq!(
        resolve(&setting.farshore, "halted", &["follow"]).await,
        Some(0)
    );
    for (topic, end) in topics.into_iter().zip(ends) {
        caught_up(&setting.farshore, (topic, 0), 20).await;
        assert_eq!(setting.compare(topic, 1).await, 20);
        assert_eq!(is_mapped(&setting, topic, 0, &[]).await, 20);
        let decided = decisions(&setting.farshore, topic).await;
        let [decided] = &decided[..] else {
            panic!("{topic}: {decided:?}");
        };
        assert_eq!(decided.code, "target_truncated");
        assert_eq!((decided.source_offset, decided.target_offset), (10, end));
        assert_eq!(
            without_image(&setting.farshore, topic, 0).await,
            [0, 0, 0, 0]
        );
    }
}
