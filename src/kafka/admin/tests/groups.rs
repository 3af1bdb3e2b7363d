use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kafka_protocol::messages::consumer_group_describe_response::{
    DescribedGroup as NewerGroup, Member,
};
use kafka_protocol::messages::describe_groups_response::DescribedGroup as ClassicGroup;
use kafka_protocol::messages::list_groups_response::ListedGroup as KafkaGroup;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribeGroupsRequest,
    DescribeGroupsResponse, ListGroupsRequest, ListGroupsResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, TopicName,
};

use crate::kafka::acl::Need;
use crate::kafka::client::names::text;
use crate::kafka::client::testing::versions_but;
use crate::model::GroupId;

use super::*;

fn billing() -> GroupId {
    GroupId::new("billing")
}

fn offset(offset: i64, metadata: Option<&str>) -> GroupOffset {
    GroupOffset {
        offset,
        epoch: LeaderEpoch(4),
        metadata: metadata.map(str::to_owned),
    }
}

#[tokio::test(start_paused = true)]
async fn groups_are_listed_by_every_broker_or_not_at_all() {
    let failed = Arc::new(AtomicU32::new(0));
    let (net, cluster) = cluster(&[], move |broker, call| {
        let group = |id: &str, kind: &'static str| {
            KafkaGroup::default()
                .with_group_id(text(id).into())
                .with_group_type(text(kind))
        };
        let loading = broker == 2 && failed.fetch_add(1, Ordering::SeqCst) == 0;
        let groups = match broker {
            1 => vec![group("moving", "classic"), group("b", "Consumer")],
            _ => vec![
                group("a", ""),
                group("moving", "classic"),
                group("s", "share"),
            ],
        };
        let answer = ListGroupsResponse::default()
            .with_error_code(if loading { 14 } else { 0 })
            .with_groups(groups);
        call.answer::<ListGroupsRequest>(&answer)
    });
    let groups = list_groups(&cluster).await.unwrap();
    let listed: Vec<_> = groups
        .iter()
        .map(|group| (group.id.as_str(), group.kind))
        .collect();
    let expected = [
        ("a", GroupKind::Classic),
        ("b", GroupKind::Consumer),
        ("moving", GroupKind::Classic),
        ("s", GroupKind::Share),
    ];
    assert_eq!(listed, expected);
    net.stop("b:2");
    let error = list_groups(&cluster).await.unwrap_err();
    assert!(
        error.chain().contains("broker 2 at b:2"),
        "{}",
        error.chain()
    );
}

#[tokio::test]
async fn a_group_of_either_protocol_is_described() {
    for (code, state) in [(0, "Assigning"), (69, "Empty"), (35, "Empty")] {
        let (_net, cluster) = cluster(&[], move |broker, call| {
            assert_eq!(broker, 2, "the coordinator");
            if call.key == ApiKey::ConsumerGroupDescribe {
                let group = NewerGroup::default()
                    .with_error_code(code)
                    .with_group_state(text("Assigning"))
                    .with_members(vec![Member::default(); 2]);
                let answer = ConsumerGroupDescribeResponse::default().with_groups(vec![group]);
                return call.answer::<ConsumerGroupDescribeRequest>(&answer);
            }
            let group = ClassicGroup::default().with_group_state(text("Empty"));
            let answer = DescribeGroupsResponse::default().with_groups(vec![group]);
            call.answer::<DescribeGroupsRequest>(&answer)
        });
        let described = describe_group(&cluster, &billing()).await.unwrap();
        let members = if code == 0 { 2 } else { 0 };
        assert_eq!(
            (described.state.as_str(), described.members),
            (state, members)
        );
    }
}

/// The broker's message may contain the name of the group, which may have any characters.
#[tokio::test]
async fn a_refusal_is_one_line_whatever_the_group_is_called() {
    let (_net, cluster) = cluster(&[], |_, call| {
        let group = NewerGroup::default()
            .with_error_code(30)
            .with_error_message(Some(text("group a\nb\u{1b}[2J isn't yours")));
        let answer = ConsumerGroupDescribeResponse::default().with_groups(vec![group]);
        call.answer::<ConsumerGroupDescribeRequest>(&answer)
    });
    let refused = describe_group(&cluster, &"a\nb".into()).await.unwrap_err();
    let told = refused.chain();
    assert!(told.contains(r"describe group a\nb"), "{told}");
    assert!(told.contains(r"group a\nb\u{1b}[2J isn't yours"), "{told}");
    assert!(!told.contains(char::is_control), "{told:?}");
}

/// Two committed partitions and one without a commit, in the layout of the requested version.
fn fetching(code: i16) -> impl Fn(i32, &Call) -> Reply + Clone + Send + Sync {
    move |_, call| {
        let request: OffsetFetchRequest = call.request();
        let values = [(0, 5, Some(text("m"))), (1, 0, None), (2, -1, None)];
        let name = TopicName(text("orders"));
        let answer = OffsetFetchResponse::default();
        let answer = if call.version >= 8 {
            assert_eq!(request.groups[0].topics, None, "all topics");
            let partitions = values.map(|(number, offset, metadata)| {
                OffsetFetchResponsePartitions::default()
                    .with_partition_index(number)
                    .with_committed_offset(offset)
                    .with_committed_leader_epoch(4)
                    .with_metadata(metadata)
            });
            let topic = OffsetFetchResponseTopics::default()
                .with_name(name)
                .with_partitions(partitions.into());
            let group = OffsetFetchResponseGroup::default()
                .with_error_code(code)
                .with_topics(vec![topic]);
            answer.with_groups(vec![group])
        } else {
            assert_eq!(request.topics, None, "all topics");
            let partitions = values.map(|(number, offset, metadata)| {
                OffsetFetchResponsePartition::default()
                    .with_partition_index(number)
                    .with_committed_offset(offset)
                    .with_committed_leader_epoch(4)
                    .with_metadata(metadata)
            });
            let topic = OffsetFetchResponseTopic::default()
                .with_name(name)
                .with_partitions(partitions.into());
            answer.with_error_code(code).with_topics(vec![topic])
        };
        call.answer::<OffsetFetchRequest>(&answer)
    }
}

#[tokio::test]
async fn offsets_are_read_in_either_layout() {
    for version in [5, 7, 8, 9] {
        let spoken = || versions_but(ApiKey::OffsetFetch, version);
        let (net, cluster) = cluster(&[], fetching(0));
        net.broker_speaking("b:2", spoken(), answering(2, vec![], fetching(0)));
        let offsets = group_offsets(&cluster, &billing(), Need::ReadOffsets)
            .await
            .unwrap();
        let expected = [
            (orders(0), offset(5, Some("m"))),
            (orders(1), offset(0, None)),
        ];
        assert_eq!(offsets, BTreeMap::from(expected));

        net.broker_speaking("b:2", spoken(), answering(2, vec![], fetching(30)));
        let refused = group_offsets(&net.cluster(&["a:1"]), &billing(), Need::ReadOffsets).await;
        assert_eq!(refused.unwrap_err().code(), Some(BrokerCode(30)));
    }
}

/// Checks a commit of two partitions and answers the n-th one with the n-th pair of codes.
fn committing(codes: &'static [[i16; 2]]) -> impl Fn(i32, &Call) -> Reply + Clone + Send + Sync {
    let turn = Arc::new(AtomicU32::new(0));
    move |_, call| {
        let request: OffsetCommitRequest = call.request();
        assert_eq!(request.generation_id_or_member_epoch, -1);
        assert_eq!(
            (request.member_id.as_str(), &request.group_instance_id),
            ("", &None)
        );
        let asked = &request.topics[0].partitions;
        assert!(asked.iter().all(|one| one.committed_leader_epoch == -1));
        assert_eq!(asked[0].committed_metadata, Some(text("m")));
        assert_eq!(asked[1].committed_metadata, None);
        let codes = codes[turn.fetch_add(1, Ordering::SeqCst) as usize];
        let partitions = asked.iter().zip(codes).map(|(one, code)| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(one.partition_index)
                .with_error_code(code)
        });
        let topic = OffsetCommitResponseTopic::default()
            .with_name(request.topics[0].name.clone())
            .with_partitions(partitions.collect());
        let answer = OffsetCommitResponse::default().with_topics(vec![topic]);
        call.answer::<OffsetCommitRequest>(&answer)
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_waits_for_the_coordinator_and_then_has_an_outcome_for_each_partition() {
    let answer = committing(&[[14, 14], [16, 16], [0, 25]]);
    let (_net, cluster) = cluster(&[], answer);
    let offsets = [
        (orders(0), offset(5, Some("m"))),
        (orders(1), offset(0, None)),
    ];
    let mut outcomes = commit_group_offsets(
        &cluster,
        &billing(),
        &BTreeMap::from(offsets),
        &Ownership::permanent(),
    )
    .await
    .unwrap();
    assert!(outcomes.remove(&orders(0)).unwrap().is_ok());
    let refused = outcomes.remove(&orders(1)).unwrap().unwrap_err();
    assert_eq!(refused.code(), Some(BrokerCode(25)));
}
