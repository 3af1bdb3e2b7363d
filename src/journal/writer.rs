//! Appends to the journal: one batch at a time, at the latest when the lease has to be renewed.
//!
//! A batch whose outcome is unknown is sent again, unchanged, until it is known: the broker accepts it once. A broker that
//! has seen a later term rejects it, and that is how a replaced owner finds out, whatever its clock says. Where brokers
//! forget terms within seconds, it finds out by reading what others wrote, before and after its own writes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{envelope, keys, layout};
use crate::error::{Error, Kind, Result};
use crate::kafka::batch::{Builder, Codec, Record, Stamp, Stamped};
use crate::kafka::data::append_place::{AppendFailure, AppendPlace, NotAppended};
use crate::task::{Backoff, Ownership};

use super::queue::{JournalBatch, JournalQueue};
use super::topic::fenced_if_newer;
use super::{BEAT, Head, LEASE, MARGIN, Revision, Topic};

/// The maximum size in bytes of a batch with more than one entry.
const BATCH_BYTES: usize = 2 << 20;
/// How long a stop waits for the journal; whatever is missing then is detected at the next start.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// How many times in a row the topic must be unknown before it is considered gone.
const MISSING_LIMIT: u32 = 10;
/// The number of failures from which trouble is reported: a change of leader isn't worth reporting.
const NOTED_FROM: u32 = 4;
const PAUSE_BASE: Duration = Duration::from_millis(50);
const PAUSE_CAP: Duration = Duration::from_secs(1);

/// The writer of one term.
#[derive(Debug)]
pub(super) struct JournalWriter {
    /// Where it writes next.
    pub(super) place: AppendCursor,
    pub(super) line: Arc<JournalQueue>,
    pub(super) ownership: Ownership,
    /// The head as claimed; each batch ends with it, brought up to date.
    pub(super) head: Head,
    /// Why nothing can currently be written, or `None`.
    pub(super) trouble: watch::Sender<Option<String>>,
}

impl JournalWriter {
    /// Writes until `stop`, then what is left and the release; or until another term or a lost journal ends this one.
    ///
    /// Errors: `Refused` when this process no longer owns the link.
    pub(super) async fn serve(mut self, stop: CancellationToken) -> Result<()> {
        let ended = self.write(&stop).await;
        self.ownership.end();
        let why = ended.as_ref().err().map(Error::chain);
        self.line
            .close(why.as_deref().unwrap_or("the service is stopping"));
        ended
    }

    async fn write(&mut self, stop: &CancellationToken) -> Result<()> {
        // Starts with a beat: the claim's head may state less about the journal than the batch written just before it.
        let mut next_beat = Instant::now();
        loop {
            let due = async {
                tokio::select! {
                    () = self.line.due() => {}
                    () = tokio::time::sleep_until(next_beat) => {}
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = due => {}
            }
            let group = self.line.take();
            tokio::select! {
                biased;
                written = self.append_all(group, false) => written?,
                () = stopped_for(stop, STOP_LIMIT) => return Err(late()),
            }
            next_beat = Instant::now() + BEAT;
        }
        let rest = self.line.take();
        let released = self.ownership.may_be_released();
        timeout(STOP_LIMIT, self.append_all(rest, released))
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    /// Appends a group in as many batches as it needs; only the last one announces the group's revision.
    async fn append_all(&mut self, group: JournalBatch, released: bool) -> Result<()> {
        let mut records: Vec<(&Vec<u8>, &Option<Vec<u8>>)> = group.changes.iter().collect();
        let set = records.iter().filter(|(_, value)| value.is_some());
        let needed = layout::needed_by_all(set.map(|(key, _)| *key));
        self.head.mark = self.head.mark.written(needed);
        records.sort_by_key(|(key, value)| keys::place_among_changes(key, value.is_none()));
        let mut batch = Vec::new();
        let mut size = 0;
        let mut result = Ok(());
        for (key, value) in records {
            let bytes = key.len() + value.as_ref().map_or(0, Vec::len);
            if size + bytes > BATCH_BYTES && !batch.is_empty() {
                result = self.append(&std::mem::take(&mut batch), false).await;
                size = 0;
            }
            if result.is_err() {
                break;
            }
            size += bytes;
            batch.push((key, value));
        }
        if result.is_ok() {
            let before: Option<Revision> = self.head.revision;
            self.head.revision = group.revision.max(before);
            result = self.append(&batch, released).await;
        }
        match &result {
            Ok(()) => group.resolve(),
            Err(error) => group.fail(&error.chain()),
        }
        result
    }

    /// Appends a batch exactly once, however often it has to be sent.
    async fn append(
        &mut self,
        records: &[(&Vec<u8>, &Option<Vec<u8>>)],
        released: bool,
    ) -> Result<()> {
        self.head.released = released;
        let batch = build(&self.line, &self.head, records, self.place.sequence())?;
        let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
        let mut failures = 0;
        let mut missed = 0;
        loop {
            let sent_at = Instant::now();
            let lapsed = self.ownership.has_run_out();
            let appended = self.place.append(&batch, &self.head, lapsed).await;
            let Err(NotAppended { why, error }) = appended else {
                self.ownership.extend(sent_at + LEASE);
                if self.trouble.send_replace(None).is_some() {
                    tracing::info!(link = %self.line.link(), "the journal is written again");
                }
                return Ok(());
            };
            let is_missing = why == AppendFailure::Missing;
            missed = if is_missing { missed + 1 } else { 0 };
            match why {
                AppendFailure::Fenced => {
                    let message = "another process took the link over";
                    return Err(Error::new(Kind::Refused, message).caused_by(error));
                }
                AppendFailure::OutOfPlace => return Err(gone(error)),
                AppendFailure::Missing if missed >= MISSING_LIMIT => return Err(gone(error)),
                AppendFailure::Missing | AppendFailure::Unknown => {
                    failures += 1;
                    self.note(failures, &error);
                }
            }
            sleep(backoff.next()).await;
            self.place.look_again().await;
        }
    }
}

impl JournalWriter {
    /// Reports a failure that persists.
    fn note(&self, failures: u32, error: &Error) {
        if failures == NOTED_FROM {
            let error = error.chain();
            tracing::warn!(link = %self.line.link(), error, "the journal can't be written; trying again");
            let text = format!(
                "the journal on the target can't be written, and nothing is sent without it: {error}"
            );
            self.trouble.send_replace(Some(text));
        }
    }
}

fn gone(error: Error) -> Error {
    Error::new(Kind::Refused, "the journal was deleted or lost its tail").caused_by(error)
}

/// A batch of entries, followed by the head.
pub(super) fn build(
    line: &JournalQueue,
    head: &Head,
    records: &[(&Vec<u8>, &Option<Vec<u8>>)],
    base_sequence: i32,
) -> Result<Stamped> {
    let mut builder = Builder::new(Codec::Lz4);
    let key = Head::key();
    let head_record = (&key, &Some(head.encode()));
    for (key, value) in records.iter().copied().chain([head_record]) {
        let value = value
            .as_ref()
            .map(|value| envelope::seal(key, value).into());
        builder.push_record(&Record {
            offset: 0,
            timestamp: crate::telemetry::now_ms(),
            key: Some(key.clone().into()),
            value,
            headers: Vec::new(),
        });
    }
    let (producer_id, producer_epoch) = Head::producer(line.link(), head.term);
    let stamp = Stamp {
        producer_id,
        producer_epoch,
        base_sequence,
    };
    Ok(builder.finish(stamp)?)
}

/// Resolves `limit` after the stop.
async fn stopped_for(stop: &CancellationToken, limit: Duration) {
    stop.cancelled().await;
    sleep(limit).await;
}

fn late() -> Error {
    Error::new(
        Kind::Stopping,
        "stopped while the journal couldn't be written; the next start completes it from the checkpoint DB",
    )
}

/// The place of the next batch.
#[derive(Debug)]
pub(super) struct AppendCursor {
    topic: Topic,
    offset: i64,
    sequence: i32,
}

impl AppendCursor {
    /// The place after a claim, which is a single record.
    pub(super) fn behind_claim(topic: &Topic, claimed_at: i64) -> Self {
        Self {
            topic: topic.clone(),
            offset: claimed_at + 1,
            sequence: 1,
        }
    }

    /// The sequence number that the next batch must carry.
    pub(super) fn sequence(&self) -> i32 {
        self.sequence
    }

    /// Appends a batch exactly once, however often it has to be sent; `lapsed` if the owner's lease expired before.
    ///
    /// Errors: `Fenced` when another process claimed the link, returned only once its next owner may begin; after `Missing`
    /// or `Unknown` the same batch must be sent again.
    pub(super) async fn append(
        &mut self,
        batch: &Stamped,
        own: &Head,
        lapsed: bool,
    ) -> Result<(), NotAppended> {
        if lapsed {
            let (_, newest) = self.topic.look().await.map_err(fenced_if_newer)?;
            is_mine(newest.iter().map(|seen| &seen.head), own)?;
        }
        let place = AppendPlace::Next(self.offset);
        let (offset, between) = self.topic.append(batch.clone(), place).await?;
        // A broker that forgot this owner may accept a batch again when it is sent again.
        let checked = is_mine(between.heads.iter().map(|seen| &seen.head), own);
        if checked.is_err() {
            // This batch hides theirs from the next process that looks, above all from this one: their lease must be over
            // by then.
            sleep(LEASE + MARGIN).await;
        }
        checked?;
        self.offset = offset + i64::from(batch.record_count);
        self.sequence = self.sequence.wrapping_add(batch.record_count) & i32::MAX;
        Ok(())
    }

    /// Looks up the leader again.
    pub(super) async fn look_again(&self) {
        self.topic.look_again().await;
    }
}

/// Whether all these heads belong to the owner's own claim.
fn is_mine<'a>(heads: impl IntoIterator<Item = &'a Head>, own: &Head) -> Result<(), NotAppended> {
    let other = heads.into_iter().find(|head| !head.is_same_claim(own));
    other.map_or(Ok(()), |other| {
        let message = format!(
            "term {} of process {} on {} is in the journal",
            other.term, other.owner.process, other.owner.host
        );
        Err(NotAppended {
            why: AppendFailure::Fenced,
            error: Error::new(Kind::Refused, message),
        })
    })
}

#[cfg(test)]
mod tests;
