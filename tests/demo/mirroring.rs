//! The quiet time before the disaster: farshore mirrors, is killed twice, and catches up nonetheless.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::group::GROUP;
use crate::narrator::Narrator;
use crate::progress::{Look, Progress, look, partitions_of};
use crate::support::farshore::Farshore;
use crate::support::groups::TopicPartition;
use crate::support::wait::eventually;
use crate::traffic::TOPICS;

const LIMIT: Duration = Duration::from_secs(90);
/// Where farshore is killed, in source offsets; there are about a million.
const KILLS_AT: [i64; 2] = [250_000, 600_000];

/// Starts farshore, kills it twice while records are produced, and restarts it each time.
pub(crate) async fn interrupted(
    narrator: &Narrator,
    farshore: &mut Farshore,
    producing: &Cell<bool>,
) {
    farshore.start().await;
    narrator.say("farshore mirrors paris to oslo, while paris goes on receiving.");
    let mut progress = Progress::new(narrator);
    for position in KILLS_AT {
        watch(farshore, &mut progress, async |look| {
            (look.position >= position)
                .then_some(())
                .ok_or_else(|| format!("{look:?}"))
        })
        .await;
        farshore.kill9();
        progress.show(None);
        progress.say("farshore is killed (SIGKILL) in the middle of it, and started again.");
        farshore.start().await;
    }
    watch(farshore, &mut progress, async |look| {
        if producing.get() {
            return Err(format!("{look:?}, and the producers go on"));
        }
        Ok(())
    })
    .await;
}

/// Waits until everything up to these ends is on the target and farshore has read the group's offsets.
pub(crate) async fn caught_up(
    narrator: &Narrator,
    farshore: &Farshore,
    ends: &BTreeMap<TopicPartition, i64>,
    committed: &BTreeMap<TopicPartition, i64>,
) {
    let mut progress = Progress::new(narrator);
    watch(farshore, &mut progress, async |_| {
        mirrored(farshore, ends).await
    })
    .await;
    let what = format!("farshore knows where the group {GROUP} is");
    eventually(LIMIT, &what, async || {
        group_known(farshore, committed).await
    })
    .await;
}

/// Shows the progress until `goal` is reached.
async fn watch(
    farshore: &Farshore,
    progress: &mut Progress<'_>,
    mut goal: impl AsyncFnMut(&Look) -> Result<(), String>,
) {
    eventually(LIMIT, "the mirror gets there", async || {
        let look = look(farshore).await?;
        progress.show(Some(&look));
        goal(&look).await
    })
    .await;
}

async fn mirrored(farshore: &Farshore, ends: &BTreeMap<TopicPartition, i64>) -> Result<(), String> {
    for topic in TOPICS {
        let seen = partitions_of(farshore, topic.name).await?;
        for (topic, number) in topic.all() {
            let seen = seen.iter().find(|seen| seen["partition"] == number);
            let seen = seen.ok_or_else(|| format!("{topic}-{number} is not mirrored yet"))?;
            let end = ends[&(topic, number)];
            if seen["lag_records"] != 0 || seen["source_end"] != end || seen["position"] != end {
                return Err(format!("{seen}, and the source ends at {end}"));
            }
        }
    }
    Ok(())
}

async fn group_known(
    farshore: &Farshore,
    committed: &BTreeMap<TopicPartition, i64>,
) -> Result<(), String> {
    let group = farshore
        .get_json(&format!("/v1/links/paris-oslo/groups/{GROUP}"))
        .await?;
    let partitions = group["partitions"]
        .as_array()
        .ok_or_else(|| group.to_string())?;
    for ((topic, number), offset) in committed {
        let known = partitions.iter().any(|known| {
            known["topic"] == topic.as_str()
                && known["partition"] == *number
                && known["source_offset"] == *offset
        });
        if !known {
            return Err(format!("{topic}-{number} at {offset} is not in {group}"));
        }
    }
    Ok(())
}
