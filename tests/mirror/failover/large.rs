//! A link with very many group offsets: none is left out because of its size, and moving them takes little memory and time.

use std::time::Instant;

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::asking::lose_checkpoint;
use crate::setting::{CATCH_UP, Path, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::groups;
use crate::support::operator::{LINK, Operation, Plan};
use crate::support::wait::eventually;
use crate::support::write::{Writer, numbered};

/// More than the journal accepted for an operation in one value; with 250 groups a link has 100,000 offsets, for which the
/// memory below is promised.
const GROUPS: &str = "100";
const PARTITIONS: i32 = 400;
const RECORDS: i64 = 3;
/// The maximum resident memory of farshore, in MiB.
const MEMORY: usize = 256;
const AT_ONCE: usize = 8;

/// The number of groups; `FARSHORE_LARGE_GROUPS` overrides it.
fn groups_of_link() -> i64 {
    let chosen = std::env::var("FARSHORE_LARGE_GROUPS").ok();
    let number = chosen.as_deref().unwrap_or(GROUPS).parse();
    number.expect("a number of groups")
}

fn group(number: i64) -> String {
    format!("group-{number:03}")
}

fn offset(group: i64, partition: i32) -> i64 {
    (group + i64::from(partition)) % (RECORDS + 1)
}

/// Gives every group an offset in every partition, and waits until group sync has carried them all.
async fn carried(setting: &mut Setting) {
    setting.topic("orders", PARTITIONS, &[]).await;
    let paris = setting.paris.bootstrap();
    let writer = Writer::new(&paris, "orders", &[]);
    let records = (0..PARTITIONS).flat_map(|it| numbered(it, 0..RECORDS));
    writer.write(records.collect::<Vec<_>>()).await;
    stream::iter(0..groups_of_link())
        .for_each_concurrent(AT_ONCE, |number| {
            let paris = &paris;
            async move {
                let at = |partition| ("orders", partition, offset(number, partition));
                let offsets: Vec<_> = (0..PARTITIONS).map(at).collect();
                groups::commit(paris, &group(number), &offsets).await;
            }
        })
        .await;
    setting.farshore.start().await;
    eventually(CATCH_UP, "every offset is carried", async || {
        for number in 0..groups_of_link() {
            let found = setting.farshore.group(&group(number)).await?;
            let synced = found.iter().filter(|it| it.state == "synced").count();
            if synced < found.len() || found.is_empty() {
                return Err(format!("{} has {synced}", group(number)));
            }
        }
        Ok(())
    })
    .await;
}

fn check_memory(setting: &Setting, life: &str) {
    let most = setting.farshore.most_memory();
    println!("{life}: {most} MiB at most");
    assert!(most <= MEMORY, "{life}: {most} MiB");
}

/// Deletes the checkpoint DB of a farshore that isn't running, starts it again and waits until the DB is whole.
async fn lost(setting: &mut Setting) {
    lose_checkpoint(&setting.farshore);
    setting.farshore.start().await;
    crate::journal::logs(setting, "it is complete again").await;
    let path = format!("/v1/links/{LINK}/topics/orders");
    eventually(CATCH_UP, "what was mirrored is shown", async || {
        let shown = setting.farshore.get_json(&path).await?;
        let partitions = shown["partitions"].as_array().ok_or("no partitions")?;
        let known = partitions.iter().filter(|it| it["position"] == RECORDS);
        let known = known.count();
        (known == PARTITIONS.unsigned_abs() as usize)
            .then_some(())
            .ok_or_else(|| known.to_string())
    })
    .await;
}

async fn planned(setting: &Setting) -> Plan {
    let body = json!({ "kind": "failover", "link": LINK });
    let begun = Instant::now();
    let answer = setting.farshore.post_json("/v1/plans", body).await;
    let (answer, took) = (answer.expect("an answer"), begun.elapsed());
    println!("a plan took {took:?}");
    assert_eq!(answer.status, 201, "{}", answer.body);
    let plan: Plan = serde_json::from_value(answer.body).expect("a plan");
    assert!(plan.blockers.is_empty(), "{:?}", plan.blockers.first());
    plan
}

#[tokio::test]
async fn every_offset_of_a_large_link_is_moved_though_source_and_db_are_lost() {
    let link = "topics = [\"orders\"]\ngroup_sync_interval = \"1s\"\nrequest_timeout = \"5s\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    carried(&mut setting).await;
    check_memory(&setting, "group sync");
    setting.paris.kill(1);
    setting.farshore.sigterm().await;
    lost(&mut setting).await;
    check_memory(&setting, "rebuilding");
    let plan = planned(&setting).await;
    let offsets = groups_of_link() * i64::from(PARTITIONS);
    assert_eq!(i64::try_from(plan.groups.len()), Ok(offsets));
    assert!(plan.groups.iter().all(|it| it.exact));
    let is_raw = setting.path == Path::Raw;
    let mut same = plan
        .groups
        .iter()
        .map(|it| it.source_offset == it.target_offset);
    assert!(!is_raw || same.all(|same| same));
    check_memory(&setting, "planning");
    eventually(CATCH_UP, "the operation is started", async || {
        let answer = setting.farshore.start_operation(&plan).await;
        (answer.status == 202)
            .then_some(())
            .ok_or_else(|| answer.body.to_string())
    })
    .await;
    let seen = setting
        .farshore
        .operation_enters(&plan.id, "committing")
        .await;
    check_memory(&setting, "starting");
    assert_eq!(seen, "committing");
    setting.farshore.kill9();
    lost(&mut setting).await;
    let path = format!("/v1/operations/{}", plan.id);
    let done = eventually(CATCH_UP, "the operation is done", async || {
        let answer = setting.farshore.get_json(&path).await?;
        let operation: Operation = serde_json::from_value(answer).map_err(|it| it.to_string())?;
        (operation.phase == "done")
            .then_some(operation)
            .ok_or_else(|| "not done".to_owned())
    });
    assert_eq!(done.await.groups, plan.groups);
    check_memory(&setting, "takeover");
    let partitions: Vec<_> = (0..PARTITIONS).map(|it| ("orders", it)).collect();
    let last = groups_of_link() - 1;
    for number in [0, last / 2, last] {
        let found = groups::committed(&setting.oslo.bootstrap(), &group(number), &partitions).await;
        let planned = plan.groups.iter().filter(|it| it.group == group(number));
        let planned: Vec<_> = planned
            .map(|it| {
                (
                    (it.topic.clone(), it.partition),
                    it.source_offset,
                    it.target_offset,
                )
            })
            .collect();
        assert_eq!(planned.len(), partitions.len());
        for (place, source, target) in planned {
            assert_eq!((source, found[&place]), (offset(number, place.1), target));
        }
    }
}
