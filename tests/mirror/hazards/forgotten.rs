//! A target broker that has forgotten the link's producer id accepts any sequence number (H2): nothing may be in flight
//! behind a batch that could be refused.

use rustix::process::Signal;

use super::sight::{caught_up, stands_still};
use super::{between, broker, noise, numbered, spec};
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::Spec;
use crate::support::compare;
use crate::support::read::Partition;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

/// Limits of the target under which one batch is refused and those behind it aren't.
const LOWERED: [(&str, &str); 2] = [("max.message.bytes", "20000"), ("retention.ms", "-1")];
const RAISED: [(&str, &str); 2] = [("max.message.bytes", "100000"), ("retention.ms", "-1")];
/// Nothing resets the limit just before the test uses it. A transaction of the record path doesn't depend on the broker's
/// memory.
const LINK: &str = "path = \"raw\"\ntopics = [\"t\"]\nrefresh_interval = \"1h\"";
/// The number of records in a batch that is large enough to be sent while another is in flight.
const BATCH: usize = 18;
const BEGINNING: i64 = 2 * BATCH.cast_signed() as i64;

struct Bed {
    setting: Setting,
    writer: Writer,
    timestamp: Option<i64>,
}

impl Bed {
    /// Mirrors two batches. Every record has the given timestamp, or that of its writing.
    async fn start(oslo: Spec, timestamp: Option<i64>) -> Self {
        let mut setting = between(spec(), oslo, LINK).await;
        setting.topic("t", 1, &[]).await;
        let writer = Writer::new(&setting.paris.bootstrap(), "t", &[]);
        setting.farshore.start().await;
        let mut bed = Self {
            setting,
            writer,
            timestamp,
        };
        bed.write_batch(0).await;
        bed.write_batch(1).await;
        caught_up(&bed.setting.farshore, ("t", 0), BEGINNING).await;
        bed
    }

    async fn write_batch(&mut self, number: usize) {
        let timestamp = self.timestamp;
        let records = numbered(0, number * BATCH..(number + 1) * BATCH, 1_000);
        let records = records.map(move |it| Record { timestamp, ..it });
        self.writer.write(records).await;
    }

    /// Waits until the target broker no longer knows any producer of the topic.
    async fn is_forgotten(&self) {
        eventually(
            CATCH_UP,
            "the producer is forgotten",
            async || match broker::producers(&self.setting.oslo.bootstrap(), "t", 0).await? {
                0 => Ok(()),
                count => Err(format!("{count} producers")),
            },
        )
        .await;
    }

    /// Gives farshore one batch too large for the target and four that aren't, all at once. Checks that none of the four
    /// took the place of the first, and that all arrive once the target accepts them. Both sides have `from` records
    /// before.
    async fn refuse_one_of_five(&mut self, from: i64) {
        let oslo = self.setting.oslo.bootstrap();
        broker::configure(&oslo, "t", &LOWERED).await;
        self.setting.farshore.process().signal(Signal::STOP);
        let timestamp = self.timestamp;
        let huge = Record::new(0, "huge", noise(30_000));
        self.writer.write([Record { timestamp, ..huge }]).await;
        for number in 2..6 {
            self.write_batch(number).await;
        }
        self.setting.farshore.process().signal(Signal::CONT);
        let (_, reason) = stands_still(&self.setting.farshore, ("t", 0)).await;
        assert_eq!(reason.code, "record_refused", "{reason:?}");
        assert_eq!(reason.source_offset, Some(BEGINNING));
        let (_, end) = topics::watermarks(&oslo, "t", 0).await;
        assert_eq!(end, BEGINNING, "something landed before the refused batch");

        broker::configure(&oslo, "t", &RAISED).await;
        let all = BEGINNING + 1 + 4 * BATCH.cast_signed() as i64;
        caught_up(&self.setting.farshore, ("t", 0), all).await;
        let source = Partition::new(&self.setting.paris.bootstrap(), "t", 0).from(from);
        let target = Partition::new(&oslo, "t", 0).from(from);
        let compared = compare::partitions(&source, &target, |_, _| {}).await;
        assert_eq!(
            compared.map(|it| it.records),
            Ok((all - from).cast_unsigned())
        );
    }
}

#[tokio::test]
async fn nothing_passes_a_refused_batch_after_the_log_was_emptied_and_the_broker_restarted() {
    let mut bed = Bed::start(spec(), None).await;
    topics::delete_records(&bed.setting.oslo.bootstrap(), "t", 0, BEGINNING).await;
    bed.setting.oslo.stop(1).await;
    bed.setting.oslo.restart(1).await;
    bed.is_forgotten().await;
    bed.refuse_one_of_five(BEGINNING).await;
}

#[tokio::test]
async fn nothing_passes_a_refused_batch_where_records_are_older_than_producers_are_remembered() {
    const OLD: i64 = 1_700_000_000_000;
    let oslo = spec()
        .property("producer.id.expiration.ms", "600000")
        .property("producer.id.expiration.check.interval.ms", "200");
    let mut bed = Bed::start(oslo, Some(OLD)).await;
    bed.is_forgotten().await;
    bed.refuse_one_of_five(0).await;
    bed.setting.oslo.stop(1).await;
    bed.setting.oslo.restart(1).await;
    for number in 6..10 {
        bed.write_batch(number).await;
    }
    let all = BEGINNING + 1 + 8 * BATCH.cast_signed() as i64;
    caught_up(&bed.setting.farshore, ("t", 0), all).await;
    assert_eq!(bed.setting.compare("t", 1).await, all.cast_unsigned());
}
