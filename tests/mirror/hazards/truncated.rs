//! A source that lost mirrored records is distinguished from one whose leader moved (H11).

use std::fs;
use std::path::Path;

use super::sight::caught_up;
use super::{between, broker, spec, write_batches};
use crate::support::compare;

#[tokio::test]
async fn a_leader_that_moves_is_no_truncation() {
    let mut setting = between(spec().brokers(2), spec(), "topics = [\"t\"]").await;
    let paris = setting.paris.bootstrap();
    let configs = [("min.insync.replicas", "1"), ("retention.ms", "-1")];
    broker::place(&paris, "t", &[1, 2], &configs).await;
    write_batches(&setting, "t", 0, [0..100], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 100).await;
    // A clean stop, so that the leader epoch of what was mirrored is known when the leader has moved.
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
    let isolation = setting.path.isolation();
    let compared = compare::all((leader, "t"), (&oslo, "t"), 1, isolation).await;
    assert_eq!(compared.records, 250);
}

/// Cuts the log of a topic's partition 0 on a stopped broker, as a lost disk cache would: at a batch boundary, and without
/// any files derived from the log.
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

/// The file position of the batch that begins at an offset.
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
