//! The whole page for a small snapshot.

use crate::telemetry::LostLines;
use std::sync::Arc;

use super::*;
use crate::model::{LinkName, PartitionState, TopicPartition, Totals};

#[derive(Debug)]
struct Fixed;

impl Samples for Fixed {
    fn links(&self) -> (Vec<LinkSample>, Vec<PartitionSample>) {
        let link = LinkSample {
            link: LinkName::new("l"),
            state: "failed",
            failures: 3,
        };
        let sample = |partition, state, lag_records| PartitionSample {
            link: LinkName::new("l"),
            partition: TopicPartition::new("orders", partition),
            state,
            is_from_follower: partition == 1,
            lag_records,
            held_records: 5,
            held_since_ms: (partition == 1).then_some(1_700_000_000_250),
            lag_ms: if partition == 0 { 1_500 } else { -1 },
            heard_ms: (partition == 0).then_some(1_700_000_000_500),
            position: 40,
            target_end: 38,
            records: 7,
            bytes: 700,
            batches: 5,
            resyncs: 2,
            expired: 17,
            missed_deletions: true,
            without_image: Totals {
                lost: 4,
                ..Totals::default()
            },
        };
        let partitions = vec![
            sample(0, PartitionState::Live, 0),
            sample(1, PartitionState::Halted, 12),
        ];
        (vec![link], partitions)
    }

    fn groups(&self) -> Vec<GroupSample> {
        vec![GroupSample {
            link: LinkName::new("l"),
            state: "in_sync",
            count: 3,
        }]
    }

    fn checkpoint_failed(&self) -> bool {
        true
    }

    fn clusters(&self) -> Vec<ClusterSample> {
        vec![ClusterSample {
            cluster: "paris".into(),
            certificates: vec![("server", 1_767_225_600)],
            unreachable_brokers: 2,
        }]
    }

    fn rate_limited(&self) -> Vec<(LinkName, u64)> {
        vec![(LinkName::new("l"), 1_500)]
    }

    fn verified(&self) -> Vec<VerifiedSample> {
        vec![VerifiedSample {
            link: LinkName::new("l"),
            partition: TopicPartition::new("orders", 1),
            offset: 33,
            age_ms: 2_500,
            differences: 6,
        }]
    }

    fn bytes_verified(&self) -> Vec<(LinkName, u64)> {
        vec![(LinkName::new("l"), 900)]
    }
}

#[test]
fn figures_of_partitions_are_taken_from_the_snapshot() {
    let page = Exposition::new(Arc::new(Fixed), LostLines::default())
        .encode()
        .unwrap();
    for line in [
        r#"farshore_link_state{link="l",state="failed"} 1"#,
        r#"farshore_link_failures_total{link="l"} 3"#,
        r#"farshore_partition_lag_records{link="l",topic="orders",partition="1"} 12"#,
        r#"farshore_partition_held_records{link="l",topic="orders",partition="1"} 5"#,
        r#"farshore_partition_lag_seconds{link="l",topic="orders",partition="0"} 1.5"#,
        r#"farshore_partition_lag_seconds{link="l",topic="orders",partition="1"} -1.0"#,
        r#"farshore_partition_held_since_timestamp_seconds{link="l",topic="orders",partition="1"} 1700000000.25"#,
        r#"farshore_partition_last_heard_timestamp_seconds{link="l",topic="orders",partition="0"} 1700000000.5"#,
        r#"farshore_partition_position{link="l",topic="orders",partition="0"} 40"#,
        r#"farshore_partition_target_end{link="l",topic="orders",partition="0"} 38"#,
        r#"farshore_partition_expired_records{link="l",topic="orders",partition="0"} 17"#,
        r#"farshore_partition_missed_deletions{link="l",topic="orders",partition="0"} 1"#,
        r#"farshore_partition_records_total{link="l",topic="orders",partition="0"} 7"#,
        r#"farshore_partition_bytes_total{link="l",topic="orders",partition="1"} 700"#,
        r#"farshore_partition_batches_total{link="l",topic="orders",partition="1"} 5"#,
        r#"farshore_partition_resyncs_total{link="l",topic="orders",partition="1"} 2"#,
        r#"farshore_partition_offsets_without_image_total{link="l",topic="orders",partition="0",kind="lost"} 4"#,
        r#"farshore_partition_offsets_without_image_total{link="l",topic="orders",partition="1",kind="adopted"} 0"#,
        r#"farshore_partition_state{link="l",topic="orders",partition="1",state="halted"} 1"#,
        r#"farshore_partitions{link="l",state="live"} 1"#,
        r#"farshore_partitions_from_followers{link="l"} 1"#,
        r#"farshore_partitions{link="l",state="diverged"} 0"#,
        r#"farshore_partition_verified_offset{link="l",topic="orders",partition="1"} 33"#,
        r#"farshore_partition_verified_age_seconds{link="l",topic="orders",partition="1"} 2.5"#,
        r#"farshore_partition_differences{link="l",topic="orders",partition="1"} 6"#,
        r#"farshore_verify_bytes_total{link="l"} 900"#,
        r#"farshore_link_rate_limited_seconds_total{link="l"} 1.5"#,
        r#"farshore_group_partitions{link="l",state="in_sync"} 3"#,
        r#"farshore_tls_certificate_expiry_timestamp_seconds{cluster="paris",side="server"} 1767225600"#,
        r#"farshore_cluster_unreachable_brokers{cluster="paris"} 2"#,
        "farshore_checkpoint_failed 1",
        concat!(
            r#"farshore_build_info{version=""#,
            env!("CARGO_PKG_VERSION"),
            r#""} 1"#
        ),
        "# EOF",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    assert!(page.contains("\nfarshore_process_cpu_seconds_total "));
    assert!(page.contains("\nfarshore_process_resident_memory_bytes "));
}
