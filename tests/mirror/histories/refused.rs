//! Records that the target refuses are passed, with a receipt for each.

use super::told::{content, decisions, is_mapped, without_image};
use crate::hazards::sight::caught_up;
use crate::hazards::{between, broker, noise, numbered, spec};
use crate::setting::Setting;
use crate::support::read::Seen;
use crate::support::topics;
use crate::support::write::{Record, Writer};

const QUARANTINE: &str = "farshore-quarantine-paris-oslo";
const LINK: &str = "topics = [\"large\", \"keyed\"]\non_refused = \"skip_with_receipt\"";
const TOO_LARGE: usize = 30_000;

fn huge() -> Record {
    Record::new(0, "huge", noise(TOO_LARGE))
}

fn keyless(number: usize) -> Record {
    Record {
        key: None,
        headers: vec![("own".to_owned(), Some(b"header".to_vec()))],
        ..Record::new(0, "", format!("without a key {number}"))
    }
}

/// A topic whose mirror refuses some of its records, because the source's configs were changed later.
pub(crate) async fn stricter(setting: &Setting, topic: &str, config: (&str, &str)) {
    let configs = [("retention.ms", "-1"), config];
    broker::configure(&setting.paris.bootstrap(), topic, &configs).await;
    topics::create(&setting.oslo.bootstrap(), topic, 1, 1, &configs).await;
}

pub(crate) fn header(receipt: &Seen, name: &str) -> String {
    let found = receipt.headers.iter().rfind(|(it, _)| it == name);
    let value = found.and_then(|(_, value)| value.clone());
    String::from_utf8(value.unwrap_or_default()).expect("text")
}

#[tokio::test]
async fn every_refused_record_has_one_receipt_and_all_others_arrive() {
    let mut setting = between(spec(), spec(), LINK).await;
    setting.topic("large", 1, &[]).await;
    setting.topic("keyed", 1, &[]).await;
    let writer = Writer::new(&setting.paris.bootstrap(), "large", &[]);
    // One alone, one in the middle of a batch, two at the end of one, one last.
    writer.write([huge()]).await;
    writer
        .write(
            numbered(0, 1..10, 200)
                .chain([huge()])
                .chain(numbered(0, 11..20, 200)),
        )
        .await;
    writer
        .write(numbered(0, 20..40, 200).chain([huge(), huge()]))
        .await;
    writer.write(numbered(0, 42..60, 200)).await;
    writer.write([huge()]).await;
    let large = [0, 10, 40, 41, 60];
    let writer = Writer::new(&setting.paris.bootstrap(), "keyed", &[]);
    writer
        .write(
            numbered(0, 0..5, 50)
                .chain([keyless(5)])
                .chain(numbered(0, 6..9, 50)),
        )
        .await;
    writer.write([keyless(9)]).await;
    let keyed = [5, 9];
    stricter(&setting, "large", ("max.message.bytes", "20000")).await;
    stricter(&setting, "keyed", ("cleanup.policy", "compact")).await;

    killed_on_the_way(&mut setting).await;
    caught_up(&setting.farshore, ("large", 0), 61).await;
    caught_up(&setting.farshore, ("keyed", 0), 10).await;

    assert_eq!(is_mapped(&setting, "large", 0, &large).await, 61 - 5);
    assert_eq!(is_mapped(&setting, "keyed", 0, &keyed).await, 10 - 2);
    assert_eq!(
        without_image(&setting.farshore, "large", 0).await,
        [0, 5, 0, 0]
    );
    assert_eq!(
        without_image(&setting.farshore, "keyed", 0).await,
        [0, 2, 0, 0]
    );
    assert_eq!(decisions(&setting.farshore, "large").await.len(), 5);
    has_receipts(&setting, &large, &keyed).await;
}

/// Kills farshore repeatedly while it writes receipts; it runs in the end.
async fn killed_on_the_way(setting: &mut Setting) {
    let receipts = async |setting: &Setting| {
        let there = topics::try_watermarks(&setting.oslo.bootstrap(), QUARANTINE, 0).await;
        there.map_or(0, |(_, end)| end)
    };
    for _ in 0..6 {
        let before = receipts(setting).await;
        setting.farshore.start().await;
        let more = async || {
            let now = receipts(setting).await;
            if now > before || now >= 7 {
                Ok(())
            } else {
                Err(format!("{now} receipts"))
            }
        };
        crate::support::wait::eventually(crate::setting::CATCH_UP, "a receipt", more).await;
        setting.farshore.kill9();
    }
    setting.farshore.start().await;
}

/// Checks the quarantine topic: a receipt for each of these offsets, with everything known about the record.
async fn has_receipts(setting: &Setting, large: &[i64], keyed: &[i64]) {
    let found = content(&setting.oslo.bootstrap(), QUARANTINE, 0).await;
    let of = |topic: &str| -> Vec<(String, &Seen)> {
        let mine = found
            .values()
            .filter(|it| header(it, "farshore.topic") == topic);
        mine.map(|it| (header(it, "farshore.offset"), it)).collect()
    };
    let texts =
        |offsets: &[i64]| -> Vec<String> { offsets.iter().map(ToString::to_string).collect() };
    let offsets = |topic: &str| -> Vec<String> { of(topic).into_iter().map(|it| it.0).collect() };
    assert_eq!(offsets("large"), texts(large));
    assert_eq!(offsets("keyed"), texts(keyed));
    assert_eq!(found.len(), 7);
    for (_, receipt) in of("large") {
        assert_eq!(receipt.value.as_ref().map(Vec::len), Some(TOO_LARGE));
        assert_eq!(header(receipt, "farshore.content"), "whole");
        assert!(header(receipt, "farshore.message").contains("MESSAGE_TOO_LARGE"));
    }
    for (offset, receipt) in of("keyed") {
        assert_eq!(receipt.key, None);
        assert_eq!(
            receipt.value,
            Some(format!("without a key {offset}").into_bytes())
        );
        assert_eq!(header(receipt, "own"), "header");
        let source = content(&setting.paris.bootstrap(), "keyed", 0).await;
        let timestamp = source[&offset.parse().expect("an offset")].timestamp;
        assert_eq!(
            header(receipt, "farshore.timestamp"),
            timestamp.expect("a time").to_string()
        );
    }
}

/// Mirrors accept records of any time, until another client changes that and topic discovery hasn't looked again yet.
#[tokio::test]
async fn a_record_of_another_time_is_passed_alone() {
    let link = LINK.replace("\"large\", \"keyed\"", "\"timed\"");
    let link = format!("{link}\nrefresh_interval = \"1h\"");
    let mut setting = between(spec(), spec(), &link).await;
    setting.topic("timed", 1, &[]).await;
    setting.write("timed", 0, 0..1).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("timed", 0), 1).await;
    let limit = [
        ("retention.ms", "-1"),
        ("message.timestamp.before.max.ms", "86400000"),
    ];
    broker::configure(&setting.oslo.bootstrap(), "timed", &limit).await;
    let mut records: Vec<Record> = numbered(0, 1..10, 20).collect();
    records[3].timestamp = Some(1_000_000_000_000);
    let writer = Writer::new(&setting.paris.bootstrap(), "timed", &[]);
    writer.write(records).await;
    caught_up(&setting.farshore, ("timed", 0), 10).await;
    assert_eq!(is_mapped(&setting, "timed", 0, &[4]).await, 9);
    let found = content(&setting.oslo.bootstrap(), QUARANTINE, 0).await;
    assert_eq!(found.len(), 1);
    assert!(header(&found[&0], "farshore.message").contains("INVALID_TIMESTAMP"));
    assert_eq!(header(&found[&0], "farshore.timestamp"), "1000000000000");
}

/// If the quarantine topic refuses the record as well, a digest of it is kept there.
#[tokio::test]
async fn what_fits_nowhere_leaves_a_digest() {
    let mut setting = between(spec(), spec(), LINK).await;
    setting
        .topic("large", 1, &[("max.message.bytes", "3000000")])
        .await;
    let settings = [("message.max.bytes", "3000000")];
    let writer = Writer::new(&setting.paris.bootstrap(), "large", &settings);
    writer
        .write([Record::new(0, "key", noise(2_000_000))])
        .await;
    writer.write(numbered(0, 1..3, 20)).await;
    stricter(&setting, "large", ("max.message.bytes", "1000000")).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("large", 0), 3).await;
    assert_eq!(is_mapped(&setting, "large", 0, &[0]).await, 2);
    let found = content(&setting.oslo.bootstrap(), QUARANTINE, 0).await;
    let receipt = &found[&0];
    assert_eq!(
        (found.len(), &receipt.key, &receipt.value),
        (1, &None, &None)
    );
    assert_eq!(header(receipt, "farshore.content"), "digest");
    assert_eq!(header(receipt, "farshore.value_bytes"), "2000000");
    assert_eq!(header(receipt, "farshore.key_bytes"), "3");
    assert_eq!(header(receipt, "farshore.value_sha256").len(), 64);
}

/// An operator may delete receipts that were dealt with.
#[tokio::test]
async fn a_purged_quarantine_topic_gets_one_receipt_per_record() {
    let mut setting = between(spec(), spec(), LINK).await;
    let refused = async |setting: &Setting, topic: &str, count: usize| {
        setting.topic(topic, 1, &[]).await;
        let writer = Writer::new(&setting.paris.bootstrap(), topic, &[]);
        writer.write((0..count).map(|_| huge())).await;
        stricter(setting, topic, ("max.message.bytes", "20000")).await;
    };
    refused(&setting, "large", 3).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("large", 0), 3).await;
    setting.farshore.kill9();
    topics::delete_records(&setting.oslo.bootstrap(), QUARANTINE, 0, 2).await;
    refused(&setting, "keyed", 1).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("keyed", 0), 1).await;
    let found = content(&setting.oslo.bootstrap(), QUARANTINE, 0).await;
    let topics: Vec<String> = found
        .values()
        .map(|it| header(it, "farshore.topic"))
        .collect();
    assert_eq!(topics, ["large", "keyed"]);
}
