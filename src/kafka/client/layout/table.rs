//! The layouts of the responses, generated from the message definitions in kafka-clients 4.1.1.

use kafka_protocol::messages::ApiKey;

use super::shape::Shape::{Array, Bytes, Fixed, Struct, Text};
use super::shape::{Layout, field, tagged};

const LAST: i16 = i16::MAX;

pub(super) static LAYOUTS: &[Layout] = &[
    Layout { key: ApiKey::Produce, flexible: 9, fields: &[
        field("Responses", 0, LAST, Array(&Struct(&[
            field("Name", 0, 12, Text),
            field("TopicId", 13, LAST, Fixed(16)),
            field("PartitionResponses", 0, LAST, Array(&Struct(&[
                field("Index", 0, LAST, Fixed(4)),
                field("ErrorCode", 0, LAST, Fixed(2)),
                field("BaseOffset", 0, LAST, Fixed(8)),
                field("LogAppendTimeMs", 2, LAST, Fixed(8)),
                field("LogStartOffset", 5, LAST, Fixed(8)),
                field("RecordErrors", 8, LAST, Array(&Struct(&[
                    field("BatchIndex", 8, LAST, Fixed(4)),
                    field("BatchIndexErrorMessage", 8, LAST, Text),]))),
                field("ErrorMessage", 8, LAST, Text),
                tagged(0, "CurrentLeader", 10, LAST, Struct(&[
                    field("LeaderId", 10, LAST, Fixed(4)),
                    field("LeaderEpoch", 10, LAST, Fixed(4)),])),]))),]))),
        field("ThrottleTimeMs", 1, LAST, Fixed(4)),
        tagged(0, "NodeEndpoints", 10, LAST, Array(&Struct(&[
            field("NodeId", 10, LAST, Fixed(4)),
            field("Host", 10, LAST, Text),
            field("Port", 10, LAST, Fixed(4)),
            field("Rack", 10, LAST, Text),]))),] },
    Layout { key: ApiKey::Fetch, flexible: 12, fields: &[
        field("ThrottleTimeMs", 1, LAST, Fixed(4)),
        field("ErrorCode", 7, LAST, Fixed(2)),
        field("SessionId", 7, LAST, Fixed(4)),
        field("Responses", 0, LAST, Array(&Struct(&[
            field("Topic", 0, 12, Text),
            field("TopicId", 13, LAST, Fixed(16)),
            field("Partitions", 0, LAST, Array(&Struct(&[
                field("PartitionIndex", 0, LAST, Fixed(4)),
                field("ErrorCode", 0, LAST, Fixed(2)),
                field("HighWatermark", 0, LAST, Fixed(8)),
                field("LastStableOffset", 4, LAST, Fixed(8)),
                field("LogStartOffset", 5, LAST, Fixed(8)),
                tagged(0, "DivergingEpoch", 12, LAST, Struct(&[
                    field("Epoch", 12, LAST, Fixed(4)),
                    field("EndOffset", 12, LAST, Fixed(8)),])),
                tagged(1, "CurrentLeader", 12, LAST, Struct(&[
                    field("LeaderId", 12, LAST, Fixed(4)),
                    field("LeaderEpoch", 12, LAST, Fixed(4)),])),
                tagged(2, "SnapshotId", 12, LAST, Struct(&[
                    field("EndOffset", 0, LAST, Fixed(8)),
                    field("Epoch", 0, LAST, Fixed(4)),])),
                field("AbortedTransactions", 4, LAST, Array(&Struct(&[
                    field("ProducerId", 4, LAST, Fixed(8)),
                    field("FirstOffset", 4, LAST, Fixed(8)),]))),
                field("PreferredReadReplica", 11, LAST, Fixed(4)),
                field("Records", 0, LAST, Bytes),]))),]))),
        tagged(0, "NodeEndpoints", 16, LAST, Array(&Struct(&[
            field("NodeId", 16, LAST, Fixed(4)),
            field("Host", 16, LAST, Text),
            field("Port", 16, LAST, Fixed(4)),
            field("Rack", 16, LAST, Text),]))),] },
    Layout { key: ApiKey::ListOffsets, flexible: 6, fields: &[
        field("ThrottleTimeMs", 2, LAST, Fixed(4)),
        field("Topics", 0, LAST, Array(&Struct(&[
            field("Name", 0, LAST, Text),
            field("Partitions", 0, LAST, Array(&Struct(&[
                field("PartitionIndex", 0, LAST, Fixed(4)),
                field("ErrorCode", 0, LAST, Fixed(2)),
                field("Timestamp", 1, LAST, Fixed(8)),
                field("Offset", 1, LAST, Fixed(8)),
                field("LeaderEpoch", 4, LAST, Fixed(4)),]))),]))),] },
    Layout { key: ApiKey::Metadata, flexible: 9, fields: &[
        field("ThrottleTimeMs", 3, LAST, Fixed(4)),
        field("Brokers", 0, LAST, Array(&Struct(&[
            field("NodeId", 0, LAST, Fixed(4)),
            field("Host", 0, LAST, Text),
            field("Port", 0, LAST, Fixed(4)),
            field("Rack", 1, LAST, Text),]))),
        field("ClusterId", 2, LAST, Text),
        field("ControllerId", 1, LAST, Fixed(4)),
        field("Topics", 0, LAST, Array(&Struct(&[
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("Name", 0, LAST, Text),
            field("TopicId", 10, LAST, Fixed(16)),
            field("IsInternal", 1, LAST, Fixed(1)),
            field("Partitions", 0, LAST, Array(&Struct(&[
                field("ErrorCode", 0, LAST, Fixed(2)),
                field("PartitionIndex", 0, LAST, Fixed(4)),
                field("LeaderId", 0, LAST, Fixed(4)),
                field("LeaderEpoch", 7, LAST, Fixed(4)),
                field("ReplicaNodes", 0, LAST, Array(&Fixed(4))),
                field("IsrNodes", 0, LAST, Array(&Fixed(4))),
                field("OfflineReplicas", 5, LAST, Array(&Fixed(4))),]))),
            field("TopicAuthorizedOperations", 8, LAST, Fixed(4)),]))),
        field("ClusterAuthorizedOperations", 8, 10, Fixed(4)),
        field("ErrorCode", 13, LAST, Fixed(2)),] },
    Layout { key: ApiKey::OffsetCommit, flexible: 8, fields: &[
        field("ThrottleTimeMs", 3, LAST, Fixed(4)),
        field("Topics", 0, LAST, Array(&Struct(&[
            field("Name", 0, 9, Text),
            field("TopicId", 10, LAST, Fixed(16)),
            field("Partitions", 0, LAST, Array(&Struct(&[
                field("PartitionIndex", 0, LAST, Fixed(4)),
                field("ErrorCode", 0, LAST, Fixed(2)),]))),]))),] },
    Layout { key: ApiKey::OffsetFetch, flexible: 6, fields: &[
        field("ThrottleTimeMs", 3, LAST, Fixed(4)),
        field("Topics", 0, 7, Array(&Struct(&[
            field("Name", 0, 7, Text),
            field("Partitions", 0, 7, Array(&Struct(&[
                field("PartitionIndex", 0, 7, Fixed(4)),
                field("CommittedOffset", 0, 7, Fixed(8)),
                field("CommittedLeaderEpoch", 5, 7, Fixed(4)),
                field("Metadata", 0, 7, Text),
                field("ErrorCode", 0, 7, Fixed(2)),]))),]))),
        field("ErrorCode", 2, 7, Fixed(2)),
        field("Groups", 8, LAST, Array(&Struct(&[
            field("GroupId", 8, LAST, Text),
            field("Topics", 8, LAST, Array(&Struct(&[
                field("Name", 8, 9, Text),
                field("TopicId", 10, LAST, Fixed(16)),
                field("Partitions", 8, LAST, Array(&Struct(&[
                    field("PartitionIndex", 8, LAST, Fixed(4)),
                    field("CommittedOffset", 8, LAST, Fixed(8)),
                    field("CommittedLeaderEpoch", 8, LAST, Fixed(4)),
                    field("Metadata", 8, LAST, Text),
                    field("ErrorCode", 8, LAST, Fixed(2)),]))),]))),
            field("ErrorCode", 8, LAST, Fixed(2)),]))),] },
    Layout { key: ApiKey::FindCoordinator, flexible: 3, fields: &[
        field("ThrottleTimeMs", 1, LAST, Fixed(4)),
        field("ErrorCode", 0, 3, Fixed(2)),
        field("ErrorMessage", 1, 3, Text),
        field("NodeId", 0, 3, Fixed(4)),
        field("Host", 0, 3, Text),
        field("Port", 0, 3, Fixed(4)),
        field("Coordinators", 4, LAST, Array(&Struct(&[
            field("Key", 4, LAST, Text),
            field("NodeId", 4, LAST, Fixed(4)),
            field("Host", 4, LAST, Text),
            field("Port", 4, LAST, Fixed(4)),
            field("ErrorCode", 4, LAST, Fixed(2)),
            field("ErrorMessage", 4, LAST, Text),]))),] },
    Layout { key: ApiKey::DescribeGroups, flexible: 5, fields: &[
        field("ThrottleTimeMs", 1, LAST, Fixed(4)),
        field("Groups", 0, LAST, Array(&Struct(&[
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("ErrorMessage", 6, LAST, Text),
            field("GroupId", 0, LAST, Text),
            field("GroupState", 0, LAST, Text),
            field("ProtocolType", 0, LAST, Text),
            field("ProtocolData", 0, LAST, Text),
            field("Members", 0, LAST, Array(&Struct(&[
                field("MemberId", 0, LAST, Text),
                field("GroupInstanceId", 4, LAST, Text),
                field("ClientId", 0, LAST, Text),
                field("ClientHost", 0, LAST, Text),
                field("MemberMetadata", 0, LAST, Bytes),
                field("MemberAssignment", 0, LAST, Bytes),]))),
            field("AuthorizedOperations", 3, LAST, Fixed(4)),]))),] },
    Layout { key: ApiKey::ListGroups, flexible: 3, fields: &[
        field("ThrottleTimeMs", 1, LAST, Fixed(4)),
        field("ErrorCode", 0, LAST, Fixed(2)),
        field("Groups", 0, LAST, Array(&Struct(&[
            field("GroupId", 0, LAST, Text),
            field("ProtocolType", 0, LAST, Text),
            field("GroupState", 4, LAST, Text),
            field("GroupType", 5, LAST, Text),]))),] },
    Layout { key: ApiKey::SaslHandshake, flexible: LAST, fields: &[
        field("ErrorCode", 0, LAST, Fixed(2)),
        field("Mechanisms", 0, LAST, Array(&Text)),] },
    Layout { key: ApiKey::ApiVersions, flexible: 3, fields: &[
        field("ErrorCode", 0, LAST, Fixed(2)),
        field("ApiKeys", 0, LAST, Array(&Struct(&[
            field("ApiKey", 0, LAST, Fixed(2)),
            field("MinVersion", 0, LAST, Fixed(2)),
            field("MaxVersion", 0, LAST, Fixed(2)),]))),
        field("ThrottleTimeMs", 1, LAST, Fixed(4)),
        tagged(0, "SupportedFeatures", 3, LAST, Array(&Struct(&[
            field("Name", 3, LAST, Text),
            field("MinVersion", 3, LAST, Fixed(2)),
            field("MaxVersion", 3, LAST, Fixed(2)),]))),
        tagged(1, "FinalizedFeaturesEpoch", 3, LAST, Fixed(8)),
        tagged(2, "FinalizedFeatures", 3, LAST, Array(&Struct(&[
            field("Name", 3, LAST, Text),
            field("MaxVersionLevel", 3, LAST, Fixed(2)),
            field("MinVersionLevel", 3, LAST, Fixed(2)),]))),
        tagged(3, "ZkMigrationReady", 3, LAST, Fixed(1)),] },
    Layout { key: ApiKey::CreateTopics, flexible: 5, fields: &[
        field("ThrottleTimeMs", 2, LAST, Fixed(4)),
        field("Topics", 0, LAST, Array(&Struct(&[
            field("Name", 0, LAST, Text),
            field("TopicId", 7, LAST, Fixed(16)),
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("ErrorMessage", 1, LAST, Text),
            tagged(0, "TopicConfigErrorCode", 5, LAST, Fixed(2)),
            field("NumPartitions", 5, LAST, Fixed(4)),
            field("ReplicationFactor", 5, LAST, Fixed(2)),
            field("Configs", 5, LAST, Array(&Struct(&[
                field("Name", 5, LAST, Text),
                field("Value", 5, LAST, Text),
                field("ReadOnly", 5, LAST, Fixed(1)),
                field("ConfigSource", 5, LAST, Fixed(1)),
                field("IsSensitive", 5, LAST, Fixed(1)),]))),]))),] },
    Layout { key: ApiKey::DeleteTopics, flexible: 4, fields: &[
        field("ThrottleTimeMs", 1, LAST, Fixed(4)),
        field("Responses", 0, LAST, Array(&Struct(&[
            field("Name", 0, LAST, Text),
            field("TopicId", 6, LAST, Fixed(16)),
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("ErrorMessage", 5, LAST, Text),]))),] },
    Layout { key: ApiKey::DeleteRecords, flexible: 2, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("Topics", 0, LAST, Array(&Struct(&[
            field("Name", 0, LAST, Text),
            field("Partitions", 0, LAST, Array(&Struct(&[
                field("PartitionIndex", 0, LAST, Fixed(4)),
                field("LowWatermark", 0, LAST, Fixed(8)),
                field("ErrorCode", 0, LAST, Fixed(2)),]))),]))),] },
    Layout { key: ApiKey::OffsetForLeaderEpoch, flexible: 4, fields: &[
        field("ThrottleTimeMs", 2, LAST, Fixed(4)),
        field("Topics", 0, LAST, Array(&Struct(&[
            field("Topic", 0, LAST, Text),
            field("Partitions", 0, LAST, Array(&Struct(&[
                field("ErrorCode", 0, LAST, Fixed(2)),
                field("Partition", 0, LAST, Fixed(4)),
                field("LeaderEpoch", 1, LAST, Fixed(4)),
                field("EndOffset", 0, LAST, Fixed(8)),]))),]))),] },
    Layout { key: ApiKey::WriteTxnMarkers, flexible: 1, fields: &[
        field("Markers", 0, LAST, Array(&Struct(&[
            field("ProducerId", 0, LAST, Fixed(8)),
            field("Topics", 0, LAST, Array(&Struct(&[
                field("Name", 0, LAST, Text),
                field("Partitions", 0, LAST, Array(&Struct(&[
                    field("PartitionIndex", 0, LAST, Fixed(4)),
                    field("ErrorCode", 0, LAST, Fixed(2)),]))),]))),]))),] },
    Layout { key: ApiKey::DescribeAcls, flexible: 2, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("ErrorCode", 0, LAST, Fixed(2)),
        field("ErrorMessage", 0, LAST, Text),
        field("Resources", 0, LAST, Array(&Struct(&[
            field("ResourceType", 0, LAST, Fixed(1)),
            field("ResourceName", 0, LAST, Text),
            field("PatternType", 1, LAST, Fixed(1)),
            field("Acls", 0, LAST, Array(&Struct(&[
                field("Principal", 0, LAST, Text),
                field("Host", 0, LAST, Text),
                field("Operation", 0, LAST, Fixed(1)),
                field("PermissionType", 0, LAST, Fixed(1)),]))),]))),] },
    Layout { key: ApiKey::CreateAcls, flexible: 2, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("Results", 0, LAST, Array(&Struct(&[
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("ErrorMessage", 0, LAST, Text),]))),] },
    Layout { key: ApiKey::DeleteAcls, flexible: 2, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("FilterResults", 0, LAST, Array(&Struct(&[
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("ErrorMessage", 0, LAST, Text),
            field("MatchingAcls", 0, LAST, Array(&Struct(&[
                field("ErrorCode", 0, LAST, Fixed(2)),
                field("ErrorMessage", 0, LAST, Text),
                field("ResourceType", 0, LAST, Fixed(1)),
                field("ResourceName", 0, LAST, Text),
                field("PatternType", 1, LAST, Fixed(1)),
                field("Principal", 0, LAST, Text),
                field("Host", 0, LAST, Text),
                field("Operation", 0, LAST, Fixed(1)),
                field("PermissionType", 0, LAST, Fixed(1)),]))),]))),] },
    Layout { key: ApiKey::DescribeConfigs, flexible: 4, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("Results", 0, LAST, Array(&Struct(&[
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("ErrorMessage", 0, LAST, Text),
            field("ResourceType", 0, LAST, Fixed(1)),
            field("ResourceName", 0, LAST, Text),
            field("Configs", 0, LAST, Array(&Struct(&[
                field("Name", 0, LAST, Text),
                field("Value", 0, LAST, Text),
                field("ReadOnly", 0, LAST, Fixed(1)),
                field("ConfigSource", 1, LAST, Fixed(1)),
                field("IsSensitive", 0, LAST, Fixed(1)),
                field("Synonyms", 1, LAST, Array(&Struct(&[
                    field("Name", 1, LAST, Text),
                    field("Value", 1, LAST, Text),
                    field("Source", 1, LAST, Fixed(1)),]))),
                field("ConfigType", 3, LAST, Fixed(1)),
                field("Documentation", 3, LAST, Text),]))),]))),] },
    Layout { key: ApiKey::SaslAuthenticate, flexible: 2, fields: &[
        field("ErrorCode", 0, LAST, Fixed(2)),
        field("ErrorMessage", 0, LAST, Text),
        field("AuthBytes", 0, LAST, Bytes),
        field("SessionLifetimeMs", 1, LAST, Fixed(8)),] },
    Layout { key: ApiKey::CreatePartitions, flexible: 2, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("Results", 0, LAST, Array(&Struct(&[
            field("Name", 0, LAST, Text),
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("ErrorMessage", 0, LAST, Text),]))),] },
    Layout { key: ApiKey::IncrementalAlterConfigs, flexible: 1, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("Responses", 0, LAST, Array(&Struct(&[
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("ErrorMessage", 0, LAST, Text),
            field("ResourceType", 0, LAST, Fixed(1)),
            field("ResourceName", 0, LAST, Text),]))),] },
    Layout { key: ApiKey::DescribeProducers, flexible: 0, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("Topics", 0, LAST, Array(&Struct(&[
            field("Name", 0, LAST, Text),
            field("Partitions", 0, LAST, Array(&Struct(&[
                field("PartitionIndex", 0, LAST, Fixed(4)),
                field("ErrorCode", 0, LAST, Fixed(2)),
                field("ErrorMessage", 0, LAST, Text),
                field("ActiveProducers", 0, LAST, Array(&Struct(&[
                    field("ProducerId", 0, LAST, Fixed(8)),
                    field("ProducerEpoch", 0, LAST, Fixed(4)),
                    field("LastSequence", 0, LAST, Fixed(4)),
                    field("LastTimestamp", 0, LAST, Fixed(8)),
                    field("CoordinatorEpoch", 0, LAST, Fixed(4)),
                    field("CurrentTxnStartOffset", 0, LAST, Fixed(8)),]))),]))),]))),] },
    Layout { key: ApiKey::DescribeTransactions, flexible: 0, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("TransactionStates", 0, LAST, Array(&Struct(&[
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("TransactionalId", 0, LAST, Text),
            field("TransactionState", 0, LAST, Text),
            field("TransactionTimeoutMs", 0, LAST, Fixed(4)),
            field("TransactionStartTimeMs", 0, LAST, Fixed(8)),
            field("ProducerId", 0, LAST, Fixed(8)),
            field("ProducerEpoch", 0, LAST, Fixed(2)),
            field("Topics", 0, LAST, Array(&Struct(&[
                field("Topic", 0, LAST, Text),
                field("Partitions", 0, LAST, Array(&Fixed(4))),]))),]))),] },
    Layout { key: ApiKey::ListTransactions, flexible: 0, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("ErrorCode", 0, LAST, Fixed(2)),
        field("UnknownStateFilters", 0, LAST, Array(&Text)),
        field("TransactionStates", 0, LAST, Array(&Struct(&[
            field("TransactionalId", 0, LAST, Text),
            field("ProducerId", 0, LAST, Fixed(8)),
            field("TransactionState", 0, LAST, Text),]))),] },
    Layout { key: ApiKey::ConsumerGroupDescribe, flexible: 0, fields: &[
        field("ThrottleTimeMs", 0, LAST, Fixed(4)),
        field("Groups", 0, LAST, Array(&Struct(&[
            field("ErrorCode", 0, LAST, Fixed(2)),
            field("ErrorMessage", 0, LAST, Text),
            field("GroupId", 0, LAST, Text),
            field("GroupState", 0, LAST, Text),
            field("GroupEpoch", 0, LAST, Fixed(4)),
            field("AssignmentEpoch", 0, LAST, Fixed(4)),
            field("AssignorName", 0, LAST, Text),
            field("Members", 0, LAST, Array(&Struct(&[
                field("MemberId", 0, LAST, Text),
                field("InstanceId", 0, LAST, Text),
                field("RackId", 0, LAST, Text),
                field("MemberEpoch", 0, LAST, Fixed(4)),
                field("ClientId", 0, LAST, Text),
                field("ClientHost", 0, LAST, Text),
                field("SubscribedTopicNames", 0, LAST, Array(&Text)),
                field("SubscribedTopicRegex", 0, LAST, Text),
                field("Assignment", 0, LAST, Struct(&[
                    field("TopicPartitions", 0, LAST, Array(&Struct(&[
                        field("TopicId", 0, LAST, Fixed(16)),
                        field("TopicName", 0, LAST, Text),
                        field("Partitions", 0, LAST, Array(&Fixed(4))),]))),])),
                field("TargetAssignment", 0, LAST, Struct(&[
                    field("TopicPartitions", 0, LAST, Array(&Struct(&[
                        field("TopicId", 0, LAST, Fixed(16)),
                        field("TopicName", 0, LAST, Text),
                        field("Partitions", 0, LAST, Array(&Fixed(4))),]))),])),
                field("MemberType", 1, LAST, Fixed(1)),]))),
            field("AuthorizedOperations", 0, LAST, Fixed(4)),]))),] },
];
