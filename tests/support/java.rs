//! Kafka's own command line tools, for checks that are independent of librdkafka as well. Each run takes a second or two.

use std::ffi::OsString;
use std::time::Duration;

use super::brokers::KafkaVersion;
use super::leash::Leash;

const LIMIT: Duration = Duration::from_secs(300);

/// A command line tool of Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Grants and revokes permissions.
    Acls,
    /// Changes configs of brokers, topics and clients.
    Configs,
    /// Prints records.
    ConsoleConsumer,
    /// Describes and resets consumer groups.
    ConsumerGroups,
    /// Finalizes the features of a cluster, metadata version included.
    Features,
    /// Prints offsets of partitions.
    GetOffsets,
    /// Writes load and prints its rate.
    ProducerPerformance,
}

impl Tool {
    fn class(self, version: KafkaVersion) -> &'static str {
        // Some classes moved with Kafka 4.
        let is_old = match version {
            KafkaVersion::V4_3 | KafkaVersion::V4_1 => false,
            KafkaVersion::V3_9 | KafkaVersion::V3_9Zk | KafkaVersion::V2_8 => true,
        };
        match self {
            Self::Acls if is_old => "kafka.admin.AclCommand",
            Self::Acls => "org.apache.kafka.tools.AclCommand",
            Self::Configs => "kafka.admin.ConfigCommand",
            Self::ConsoleConsumer if is_old => "kafka.tools.ConsoleConsumer",
            Self::ConsoleConsumer => "org.apache.kafka.tools.consumer.ConsoleConsumer",
            Self::ConsumerGroups => "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            Self::Features => "org.apache.kafka.tools.FeatureCommand",
            Self::GetOffsets => "org.apache.kafka.tools.GetOffsetShell",
            Self::ProducerPerformance => "org.apache.kafka.tools.ProducerPerformance",
        }
    }
}

/// Runs a tool and returns its output. Panics if it fails.
pub(crate) async fn run(version: KafkaVersion, tool: Tool, arguments: &[&str]) -> String {
    let leash = Leash::new("tool");
    let options: Vec<String> = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        .map(str::to_owned)
        .into_iter()
        .chain(version.archived_classes())
        .collect();
    let mut all = version.java_arguments(&options);
    all.push(tool.class(version).into());
    all.extend(arguments.iter().map(OsString::from));
    let mut process = leash.spawn("tool", "java", all);
    let status = process.wait(LIMIT).await;
    assert!(status.success(), "{tool:?} {arguments:?} failed: {status}");
    process.stdout()
}
