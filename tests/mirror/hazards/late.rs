//! Requests that land after farshore has given them up and planned their range anew (H5).

use std::collections::BTreeMap;

use super::sight::{caught_up, translate};
use super::{between, numbered, spec};
use crate::setting::{CATCH_UP, Setting, paris_oslo};
use crate::support::farshore::Farshore;
use crate::support::proxy::Proxy;
use crate::support::read::{Isolation, Partition, Seen};
use crate::support::seed;
use crate::support::wait::eventually;
use crate::support::write::Writer;

/// Starts both clusters, with farshore reaching the target only through a proxy. On the raw path: librdkafka bypasses the
/// proxy for the address that the broker advertises.
pub(crate) async fn behind_proxy(link: &str) -> (Setting, Proxy) {
    let link = &format!("path = \"raw\"\n{link}");
    let mut setting = between(spec(), spec(), link).await;
    let proxy = Proxy::start(&setting.oslo.bootstrap());
    let map = format!(
        "{link}\n\n[clusters.oslo.address_map]\n{:?} = {:?}",
        setting.oslo.bootstrap(),
        proxy.address()
    );
    let config = paris_oslo(&setting.paris.bootstrap(), &proxy.address(), &map);
    setting.farshore = Farshore::new(env!("CARGO_BIN_EXE_farshore"), &config);
    (setting, proxy)
}

/// The number of records in each late request, and how many of the last one's are gone when its range is planned anew.
const LATE: usize = 10;
const GONE: usize = 5;

async fn read(bootstrap: &str, topic: &str) -> BTreeMap<i64, Seen> {
    let partition = Partition::new(bootstrap, topic, 0);
    let records = partition.read(Isolation::Committed).await;
    records.into_iter().map(|it| (it.offset, it)).collect()
}

/// Overwrites records from number `first` on until the source's cleaner has removed them. The new records and the remaining
/// ones behind them are as many as a late request carries; what follows goes into separate requests.
async fn replace_on_source(setting: &Setting, topic: &str, first: usize) {
    let bootstrap = setting.paris.bootstrap();
    let writer = Writer::new(&bootstrap, topic, &[("linger.ms", "5")]);
    writer.write(numbered(0, first..first + GONE, 20)).await;
    let mut filler = 1_000_000;
    eventually(CATCH_UP, "the overwritten records are gone", async || {
        filler += 1;
        writer.write(numbered(0, filler..filler + 1, 10_000)).await;
        let left = read(&bootstrap, topic).await;
        if left.contains_key(&(first as i64)) {
            Err(format!("offset {first} is still there"))
        } else {
            Ok(())
        }
    })
    .await;
}

/// Checks that every record of the source is where the map says, both ways.
async fn is_mapped_by_content(setting: &Setting, topic: &str) {
    let source = read(&setting.paris.bootstrap(), topic).await;
    let target = read(&setting.oslo.bootstrap(), topic).await;
    assert!(!source.is_empty() && target.len() >= source.len());
    for (&offset, record) in &source {
        let there = translate(&setting.farshore, (topic, 0), offset, false).await;
        let mirrored = target.get(&there.target_offset);
        let same = mirrored.is_some_and(|it| {
            (&it.key, &it.value, it.timestamp) == (&record.key, &record.value, record.timestamp)
        });
        assert!(
            there.exact && same,
            "source offset {offset} is said to be {there:?}, which is {mirrored:?}"
        );
        let back = translate(&setting.farshore, (topic, 0), there.target_offset, true).await;
        assert_eq!(back.source_offset, offset);
    }
}

/// The late requests.
struct Late {
    /// The number of records mirrored before.
    before: usize,
    /// The number of late requests. All except for the last carry exactly what is planned again.
    requests: usize,
    /// Whether farshore is killed before it knows their outcome.
    kills: bool,
}

async fn late_requests_take_the_place_of_others(late: Late) {
    // The request to hold back must be one with data.
    let (mut setting, proxy) = behind_proxy("topics = [\"t\"]\njournal = false").await;
    let compact = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "300"),
        ("min.cleanable.dirty.ratio", "0.001"),
    ];
    setting.topic("t", 1, &compact).await;
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &[]);
    writer.write(numbered(0, 0..late.before, 20)).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), late.before as i64).await;
    proxy.keep_produce(late.requests);
    for request in 0..late.requests {
        let first = late.before + request * LATE;
        writer.write(numbered(0, first..first + LATE, 1_000)).await;
        proxy.wait_kept(request + 1).await;
    }
    if late.kills {
        setting.farshore.kill9();
    }
    let last = late.before + (late.requests - 1) * LATE;
    replace_on_source(&setting, "t", last).await;
    proxy.open_and_overtake(late.requests - 1);
    if late.kills {
        setting.farshore.start().await;
    }
    let source = read(&setting.paris.bootstrap(), "t").await;
    let end = source.keys().last().expect("records") + 1;
    caught_up(&setting.farshore, ("t", 0), end).await;
    assert!(proxy.is_delivered(), "nothing was late");
    is_mapped_by_content(&setting, "t").await;
}

#[tokio::test]
async fn a_late_request_of_this_process_is_told_from_the_one_it_displaced() {
    let late = Late {
        before: 100,
        requests: 1,
        kills: false,
    };
    late_requests_take_the_place_of_others(late).await;
}

#[tokio::test]
async fn a_late_first_request_of_a_killed_process_is_told_from_the_one_it_displaced() {
    let late = Late {
        before: 0,
        requests: 1,
        kills: true,
    };
    late_requests_take_the_place_of_others(late).await;
}

#[tokio::test]
async fn a_late_request_behind_one_that_was_repeated_is_told_from_the_one_it_displaced() {
    let late = Late {
        before: 100,
        requests: 2,
        kills: true,
    };
    late_requests_take_the_place_of_others(late).await;
}

#[tokio::test]
async fn connections_cut_with_requests_in_flight_lose_and_double_nothing() {
    const COUNT: usize = 40_000;
    const CUTS: usize = 15;
    let link = "topics = [\"t\"]\nmax_in_flight_bytes = \"2MiB\"\nfetch_max_bytes = \"512KiB\"\npartition_max_bytes = \"256KiB\"";
    let (mut setting, proxy) = behind_proxy(link).await;
    setting.topic("t", 2, &[]).await;
    let writer = Writer::new(
        &setting.paris.bootstrap(),
        "t",
        &[("batch.size", "16384"), ("linger.ms", "10")],
    );
    let records = numbered(0, 0..COUNT / 2, 400).zip(numbered(1, 0..COUNT / 2, 400));
    let records = records.flat_map(|(one, other)| [one, other]);
    writer.write(records).await;
    let mut rng = seed::rng();
    let mut cuts: Vec<i64> = (0..CUTS)
        .map(|_| rng.i64(0..COUNT as i64 * 9 / 10))
        .collect();
    cuts.sort_unstable();
    setting.farshore.start().await;
    let target = setting.on_target("t", 2).await;
    for at in cuts {
        target.reaches(at, CATCH_UP).await;
        proxy.cut();
    }
    target.reaches(COUNT as i64, CATCH_UP).await;
    assert_eq!(setting.compare("t", 2).await, COUNT as u64);
    for partition in 0..2 {
        let sight = caught_up(&setting.farshore, ("t", partition), COUNT as i64 / 2).await;
        assert_eq!((sight.runs, sight.target_end), (1, COUNT as i64 / 2));
    }
}
