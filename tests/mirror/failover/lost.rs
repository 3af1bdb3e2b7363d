//! A failover after the source was lost: exact to the record, even by a farshore that never saw the source alive.

use std::collections::BTreeMap;

use crate::histories::write_transactions;
use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::groups;
use crate::support::operator::Plan;
use crate::support::pairs::Pairs;
use crate::support::read::Seen;
use crate::support::seed;
use crate::support::topics;

const TOPICS: [(&str, i32); 2] = [("orders", 3), ("txn", 1)];
const RECORDS: i64 = 300;

/// A group's offsets in a partition, and what it would have read next on the source.
struct Stand {
    source_offset: i64,
    target_offset: i64,
    next: Vec<Seen>,
}

/// By group, topic and partition.
type Stands = BTreeMap<(String, String, i32), Stand>;

#[tokio::test]
async fn a_failover_from_a_lost_source_goes_on_with_exactly_the_next_records() {
    let link = "topics = [\".*\"]\ngroup_sync_interval = \"200ms\"\nrequest_timeout = \"5s\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    for (topic, partitions) in TOPICS {
        setting.topic(topic, partitions, &[]).await;
    }
    for partition in 0..3 {
        setting.write("orders", partition, 0..RECORDS).await;
    }
    topics::delete_records(&setting.paris.bootstrap(), "orders", 0, 50).await;
    write_transactions(&setting, "txn", 20).await;
    setting.farshore.start().await;
    let stands = commit_anywhere(&setting, &["before-1", "before-2", "after-1", "after-2"]).await;

    setting.paris.kill(1);
    let plan = setting.farshore.clear_plan("failover", "before-.*").await;
    moves_exactly(&setting, &plan, &stands, 8).await;
    applied_again_it_is_the_same(&setting, &plan).await;

    setting.farshore.kill9();
    setting.farshore.start().await;
    let plan = setting.farshore.clear_plan("failover", "after-.*").await;
    moves_exactly(&setting, &plan, &stands, 8).await;
}

async fn commit_anywhere(setting: &Setting, groups: &[&str]) -> Stands {
    let mut rng = seed::rng();
    let mut stands = Stands::new();
    for (topic, partitions) in TOPICS {
        setting.mirrored(topic, partitions).await;
        for partition in 0..partitions {
            let pairs: Pairs = setting.pairs(topic, partition).await;
            for group in groups {
                let offset = pairs.any(&mut rng);
                let stand = Stand {
                    source_offset: offset,
                    target_offset: pairs.on_target(offset),
                    next: setting.next_on_source(topic, partition, offset).await,
                };
                stands.insert(((*group).to_owned(), topic.to_owned(), partition), stand);
            }
        }
    }
    let paris = setting.paris.bootstrap();
    for group in groups {
        let of_group = stands.iter().filter(|((of, ..), _)| of == group);
        let offsets = of_group.map(|((_, topic, number), s)| (&**topic, *number, s.source_offset));
        groups::commit(&paris, group, &offsets.collect::<Vec<_>>()).await;
    }
    for ((group, topic, partition), stand) in &stands {
        let partition = (&**topic, *partition);
        let carried = setting
            .farshore
            .carries_exactly(group, partition, stand.source_offset);
        carried.await;
    }
    stands
}

async fn moves_exactly(setting: &Setting, plan: &Plan, stands: &Stands, offsets: usize) {
    assert_eq!(plan.groups.len(), offsets, "{plan:?}");
    for planned in &plan.groups {
        let key = (
            planned.group.clone(),
            planned.topic.clone(),
            planned.partition,
        );
        let stand = &stands[&key];
        assert_eq!(planned.source_offset, stand.source_offset, "{planned:?}");
        assert_eq!(planned.target_offset, stand.target_offset, "{planned:?}");
        assert!(
            planned.exact && planned.unreachable_records == 0,
            "{planned:?}"
        );
    }
    let operation = setting.farshore.moves(plan).await;
    assert_eq!(operation.groups, plan.groups);
    for group in plan.groups.chunk_by(|a, b| a.group == b.group) {
        let group = &group[0].group;
        for (topic, partitions) in TOPICS {
            let read = setting.next_on_target(group, topic, partitions).await;
            for (partition, read) in (0..).zip(read) {
                let stand = &stands[&(group.clone(), topic.to_owned(), partition)];
                assert!(read == stand.next, "{group} in {topic}-{partition}");
            }
        }
    }
}

async fn applied_again_it_is_the_same(setting: &Setting, plan: &Plan) {
    let (code, operation) = setting.farshore.apply(plan).await;
    assert_eq!((code, operation.id.as_str()), (Some(0), plan.id.as_str()));
    let answer = setting.farshore.start_operation(plan).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body["id"], *plan.id);
    assert_eq!(answer.body["phase"], "done");
}
