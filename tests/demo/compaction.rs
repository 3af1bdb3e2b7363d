//! Waiting until compaction is complete, so that a comparison doesn't race with it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::wait::eventually;

const LIMIT: Duration = Duration::from_secs(60);

/// Waits until the log cleaner of the broker with this data directory has processed all but the youngest segment of each
/// partition.
///
/// Reads the broker's own checkpoint of its progress.
pub(crate) async fn settled(data: &Path, topic: &str, partitions: i32) {
    eventually(LIMIT, "compaction is done", async || {
        let note = fs::read_to_string(data.join("cleaner-offset-checkpoint"))
            .map_err(|error| error.to_string())?;
        (0..partitions).try_for_each(|partition| {
            let (cleaned, youngest) = (
                cleaned(&note, topic, partition),
                youngest_segment(data, topic, partition),
            );
            if cleaned.is_some() && cleaned == youngest {
                Ok(())
            } else {
                Err(format!(
                    "{topic}-{partition}: cleaned up to {cleaned:?} of {youngest:?}"
                ))
            }
        })
    })
    .await;
}

/// The first offset not yet cleaned, from lines of "topic partition offset".
fn cleaned(note: &str, topic: &str, partition: i32) -> Option<i64> {
    let start = format!("{topic} {partition} ");
    note.lines()
        .find_map(|line| line.strip_prefix(&start)?.parse().ok())
}

/// The first offset of the youngest segment, which is its file name.
fn youngest_segment(data: &Path, topic: &str, partition: i32) -> Option<i64> {
    let files = fs::read_dir(data.join(format!("{topic}-{partition}"))).ok()?;
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| name.strip_suffix(".log")?.parse().ok())
        .max()
}
