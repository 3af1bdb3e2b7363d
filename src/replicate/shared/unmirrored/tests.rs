use crate::model::{HaltCode, Monotonic};

use super::*;

const LIMIT: Duration = Duration::from_secs(7);

fn at(seconds: u64) -> Moment {
    Moment {
        wall_ms: i64::try_from(seconds).unwrap() * 1000,
        monotonic: Monotonic(Duration::from_secs(seconds)),
    }
}

fn topics(partitions: std::ops::Range<i32>) -> BTreeMap<TopicName, Unmirrored> {
    let reason = Reason::new(HaltCode::NameCollision, "they collide");
    let unmirrored = Unmirrored {
        mirror_topic: "t".into(),
        partitions,
        initial_partitions: 2,
        obstacle: Obstacle::Refused(reason),
    };
    [("t".into(), unmirrored)].into()
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("t", number)
}

fn ends(log_start: i64, stable: i64, high_watermark: i64) -> SourceEnds {
    SourceEnds {
        log_start,
        stable,
        high_watermark,
    }
}

fn rows(known: &UnmirroredPartitions, now_ms: i64) -> Vec<PartitionStatus> {
    known.rows(None, |_| Intent::Mirror, |_| false, now_ms)
}

/// What is shown of partition 1 at a time in milliseconds: lag, held records, lag in time, age.
fn shown(known: &UnmirroredPartitions, now_ms: i64) -> (i64, i64, i64, Option<i64>) {
    let rows = rows(known, now_ms);
    let row = rows.iter().find(|row| row.partition == partition(1));
    let row = row.unwrap();
    (row.lag_records, row.held_records, row.lag_ms, row.as_of_ms)
}

#[test]
fn everything_behind_the_start_is_missing_where_there_is_no_mirror() {
    let known = UnmirroredPartitions::default();
    known.show(&topics(0..3));
    assert_eq!(shown(&known, 1_000), (-1, -1, -1, None));
    known.hear(&partition(1), (ends(10, 90, 100), Some(10)), at(1));
    assert_eq!(shown(&known, 2_000), (90, 10, -1, Some(1_000)));
    // The link will begin at a time.
    known.hear(&partition(1), (ends(10, 90, 100), Some(70)), at(2));
    assert_eq!(shown(&known, 2_000), (30, 10, -1, Some(2_000)));
    // With the records to come: which ones, nobody knows.
    known.hear(&partition(1), (ends(10, 90, 100), None), at(3));
    assert_eq!(shown(&known, 3_000), (-1, -1, -1, Some(3_000)));
    known.hear(&partition(7), (ends(0, 1, 1), Some(0)), at(3));
    assert_eq!(rows(&known, 0).len(), 3);
    let others = known.rows(Some(&"u".into()), |_| Intent::Mirror, |_| false, 0);
    assert!(others.is_empty());
}

#[test]
fn the_lag_in_time_counts_from_the_first_record() {
    let known = UnmirroredPartitions::default();
    known.show(&topics(0..3));
    known.hear(&partition(1), (ends(10, 100, 100), Some(10)), at(5));
    assert_eq!(known.undated(), [(partition(1), 10)]);
    known.date(&partition(1), 9, 1);
    assert_eq!(known.undated().len(), 1, "that was another record");
    known.date(&partition(1), 10, 2_000);
    assert_eq!(shown(&known, 10_000), (90, 0, 8_000, Some(5_000)));
    assert_eq!(known.undated(), []);
    // Retention has removed the first ones.
    known.hear(&partition(1), (ends(40, 100, 100), Some(40)), at(9));
    assert_eq!(known.undated(), [(partition(1), 40)]);
    // One that was empty knows by itself.
    known.hear(&partition(2), (ends(0, 0, 0), Some(0)), at(9));
    known.hear(&partition(2), (ends(0, 1, 1), Some(0)), at(12));
    let row = &rows(&known, 19_000)[2];
    assert_eq!((row.lag_records, row.lag_ms), (1, 10_000));
}

#[test]
fn partitions_are_asked_for_while_they_are_silent_and_have_no_mirror() {
    let known = UnmirroredPartitions::default();
    known.show(&topics(1..3));
    let silent = |seconds| known.silent(at(seconds), LIMIT);
    assert_eq!(silent(1), [(partition(1), true), (partition(2), false)]);
    known.hear(&partition(1), (ends(0, 1, 1), Some(0)), at(1));
    assert_eq!(silent(8), [(partition(2), false)]);
    assert_eq!(silent(9).len(), 2);
    known.show(&topics(2..3));
    assert_eq!(silent(9), [(partition(2), false)]);
    known.show(&topics(1..3));
    assert_eq!(shown(&known, 9_000).0, -1, "it was mirrored meanwhile");
}

#[test]
fn a_topic_that_does_not_exist_lacks_nothing() {
    let known = UnmirroredPartitions::default();
    let mut absent = topics(0..1);
    let why = "cluster paris has no topic t".to_owned();
    for topic in absent.values_mut() {
        topic.obstacle = Obstacle::Absent(why.clone());
    }
    known.show(&absent);
    let [row] = &rows(&known, 1_000)[..] else {
        panic!("{:?}", rows(&known, 1_000));
    };
    assert!(row.is_absent && !row.has_mirror);
    assert_eq!(row.state, PartitionState::Preparing);
    let detail = "waits for its mirror partition: cluster paris has no topic t";
    assert_eq!(row.detail.as_deref(), Some(detail));
    assert_eq!(
        (row.lag_records, row.held_records, row.lag_ms, row.as_of_ms),
        (0, 0, 0, None)
    );
    let unknown = known.untranslatable(&partition(0));
    assert_eq!(unknown, Untranslatable::UnknownPartition);
    let paused = known.rows(None, |_| Intent::Paused, |_| false, 0);
    assert_eq!(paused[0].state, PartitionState::Paused);
}
