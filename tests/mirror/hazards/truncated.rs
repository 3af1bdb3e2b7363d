//! A source that lost what was mirrored is told from one whose leader moved (H11).

use std::fs;
use std::path::Path;

use super::sight::{caught_up, stands_still};
use super::{between, broker, spec, write_batches};
use crate::support::{compare, topics};

#[tokio::test]
async fn a_leader_that_moves_is_no_truncation() {
    let mut setting = between(spec().brokers(2), spec(), "topics = [\"t\"]").await;
    let paris = setting.paris.bootstrap();
    let configs = [("min.insync.replicas", "1"), ("retention.ms", "-1")];
    broker::place(&paris, "t", &[1, 2], &configs).await;
    write_batches(&setting, "t", 0, [0..100], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 100).await;
    // A stop in order, so that the leader epoch of what was mirrored is known when the leader has moved.
    setting.farshore.sigterm().await;
    write_batches(&setting, "t", 0, [100..150], 20).await;
    setting.paris.stop(1).await;
    broker::leads(&paris, "t", 2).await;
    write_batches(&setting, "t", 0, [150..200], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 200).await;
    setting.paris.restart(1).await;
    broker::in_sync(&paris, "t", 2).await;
    setting.paris.stop(2).await;
    broker::leads(&paris, "t", 1).await;
    write_batches(&setting, "t", 0, [200..250], 20).await;
    caught_up(&setting.farshore, ("t", 0), 250).await;
    let (leader, _) = paris.split_once(',').expect("two brokers");
    let oslo = setting.oslo.bootstrap();
    let compared = compare::topics((leader, "t"), (&oslo, "t"), 1).await;
    assert_eq!(compared.records, 250);
}

#[tokio::test]
async fn a_log_cut_short_is_a_truncation_even_when_it_has_grown_again() {
    let topics = ["short", "grown", "whole"];
    let mut setting = between(spec(), spec(), "topics = [\"short\", \"grown\", \"whole\"]").await;
    for topic in topics {
        setting.topic(topic, 1, &[]).await;
        write_batches(&setting, topic, 0, [0..10, 10..17], 20).await;
    }
    setting.farshore.start().await;
    for topic in topics {
        caught_up(&setting.farshore, (topic, 0), 17).await;
    }
    setting.farshore.sigterm().await;
    setting.paris.kill(1);
    for topic in ["short", "grown"] {
        cut(&setting.paris.data_dir(1), topic, 10);
    }
    setting.paris.restart(1).await;
    for topic in ["grown", "whole"] {
        topics::wait_led(&setting.paris.bootstrap(), topic, 1).await;
        write_batches(&setting, topic, 0, [100..120], 20).await;
    }
    setting.farshore.start().await;
    for topic in ["short", "grown"] {
        let (state, reason) = stands_still(&setting.farshore, (topic, 0)).await;
        let code = (state.as_str(), reason.code.as_str());
        assert_eq!(
            code,
            ("diverged", "source_truncated"),
            "{topic}: {reason:?}"
        );
        assert_eq!(reason.source_offset, Some(10), "{topic}: {reason:?}");
        let on_target = topics::watermarks(&setting.oslo.bootstrap(), topic, 0).await;
        assert_eq!(on_target, (0, 17), "{topic}");
    }
    caught_up(&setting.farshore, ("whole", 0), 37).await;
    assert_eq!(setting.compare("whole", 1).await, 37);
}

/// Cuts the log of a topic's partition 0 on a broker that is down, as a lost disk cache would: at a batch, with everything
/// derived from the log gone too.
pub(crate) fn cut(data: &Path, topic: &str, end: i64) {
    let partition = data.join(format!("{topic}-0"));
    for entry in fs::read_dir(&partition).expect("the partition's directory") {
        let path = entry.expect("an entry").path();
        let derived = ["index", "timeindex", "snapshot"];
        if path
            .extension()
            .is_some_and(|it| derived.iter().any(|one| it == *one))
        {
            fs::remove_file(path).expect("a file");
        }
    }
    let log = partition.join("00000000000000000000.log");
    let bytes = fs::read(&log).expect("the log");
    fs::write(&log, &bytes[..position_of(&bytes, end)]).expect("a shorter log");
    let points = data.join("recovery-point-offset-checkpoint");
    let text = fs::read_to_string(&points).expect("the recovery points");
    let mine = format!("{topic} 0 ");
    let lines = text.lines().map(|line| {
        let is_mine = line.starts_with(&mine);
        if is_mine {
            format!("{mine}0\n")
        } else {
            format!("{line}\n")
        }
    });
    fs::write(&points, lines.collect::<String>()).expect("the recovery points");
}

/// Where the batch that begins at an offset lies in a log.
fn position_of(log: &[u8], offset: i64) -> usize {
    let mut position = 0;
    loop {
        let batch = &log[position..];
        let base = i64::from_be_bytes(batch[..8].try_into().expect("8 bytes"));
        if base >= offset {
            return position;
        }
        let length = u32::from_be_bytes(batch[8..12].try_into().expect("4 bytes"));
        position += 12 + length as usize;
    }
}
