use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::check::facts::{
    ClusterFacts, Found, LinkFacts, MirrorFacts, QuarantineFacts, Reached, Stranger, TopicFacts,
};
use crate::error::{BrokerCode, Error, Kind};
use crate::kafka::admin::Operations;
use crate::model::{CertificateEnds, Partition, TopicName};

use super::*;
use crate::check::finding::Severity;
use crate::kafka::acl::{AclOperation, Grantee};

mod caring;
mod circling;
mod expiring;
mod history;
mod journaling;
mod metadata;
mod preserving;
mod recording;
mod selecting;
mod unanswered;
mod versions;

const ALL: &[AclOperation] = &[
    AclOperation::Read,
    AclOperation::Write,
    AclOperation::Create,
    AclOperation::Alter,
    AclOperation::Describe,
    AclOperation::DescribeConfigs,
    AclOperation::AlterConfigs,
];

fn cluster(id: &str) -> ClusterFacts {
    let settings = [
        ("producer.id.expiration.ms", "604800000"),
        ("socket.request.max.bytes", "104857600"),
        ("offsets.retention.minutes", "10080"),
        ("socket.send.buffer.bytes", "102400"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    ClusterFacts {
        grantee: Grantee {
            bootstrap: format!("{id}:9092"),
            principal: "ANONYMOUS".to_owned(),
        },
        certificates: CertificateEnds::default(),
        reached: Ok(Reached {
            id: id.to_owned(),
            brokers: 1,
            unreached: Vec::new(),
            outdated: None,
            gapless: Vec::new(),
            marks_as_broker: false,
            settings: Ok(settings.into()),
            round_trip: Duration::from_micros(300),
        }),
    }
}

fn present(permitted: &[AclOperation]) -> MirrorFacts {
    MirrorFacts::Present {
        permitted: Operations::of(permitted),
        due: BTreeSet::new(),
        strangers: Vec::new(),
    }
}

fn topic(mirror: &str, on_target: MirrorFacts) -> TopicFacts {
    TopicFacts {
        partitions: 3,
        compacted: false,
        permitted: Operations::of(ALL),
        max_message_bytes: Some(1_048_588),
        mirror: mirror.into(),
        on_target,
    }
}

/// A link without findings: `orders` is mirrored, `payments` is about to be.
fn healthy() -> Facts {
    let topics = BTreeMap::from([
        ("orders".into(), topic("orders", present(ALL))),
        (
            "payments".into(),
            topic("payments", MirrorFacts::Missing { refused: None }),
        ),
    ]);
    let found = Found {
        topics,
        groups: Some(2),
        ..Found::default()
    };
    Facts {
        now: expiring::NOW,
        clusters: BTreeMap::from([
            ("oslo".into(), cluster("o")),
            ("paris".into(), cluster("p")),
        ]),
        links: vec![LinkFacts {
            name: "paris-oslo".into(),
            source: "paris".into(),
            target: "oslo".into(),
            fetch_connections: None,
            found: Some(Ok(found)),
        }],
        circles: Vec::new(),
    }
}

fn reached<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Reached {
    let cluster = facts.clusters.get_mut(&name.into()).unwrap();
    cluster.reached.as_mut().unwrap()
}

fn set(facts: &mut Facts, cluster: &str, name: &str, value: &str) {
    let settings = reached(facts, cluster).settings.as_mut().unwrap();
    settings.insert(name.to_owned(), value.to_owned());
}

fn found(facts: &mut Facts) -> &mut Found {
    facts.links[0].found.as_mut().unwrap().as_mut().unwrap()
}

fn orders(facts: &mut Facts) -> &mut TopicFacts {
    found(facts).topics.get_mut(&"orders".into()).unwrap()
}

fn refused(code: i16) -> MirrorFacts {
    MirrorFacts::Missing {
        refused: Some(Error::new(Kind::Broker(BrokerCode(code)), "cannot create")),
    }
}

/// Returns the only finding; panics if there isn't exactly one.
#[track_caller]
fn only(facts: &Facts) -> Finding {
    let mut all = findings(facts);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

#[track_caller]
fn assert_only(facts: &Facts, severity: Severity, what: &str, fix: &str) {
    let finding = only(facts);
    assert_eq!(finding.severity, severity, "{finding:?}");
    assert!(finding.what.contains(what), "{finding:?}");
    assert!(finding.fix.contains(fix), "{finding:?}");
}

#[test]
fn nothing_is_found_where_all_is_well() {
    assert_eq!(findings(&healthy()), []);
}

#[test]
fn clusters_out_of_reach_are_problems_with_a_fix_for_each_cause() {
    for (kind, fix) in [
        (Kind::Disconnected, "Start the brokers"),
        (Kind::TimedOut, "firewall"),
        (Kind::Protocol, "no Kafka broker"),
    ] {
        let mut facts = healthy();
        facts.links[0].found = None;
        let oslo = facts.clusters.get_mut(&"oslo".into()).unwrap();
        oslo.reached = Err(Error::new(kind, "no broker answers"));
        assert_only(&facts, Severity::Problem, "no broker answers", fix);
    }
}

#[test]
fn a_cluster_is_not_mirrored_onto_itself() {
    let mut facts = healthy();
    facts.links[0].found = None;
    "p".clone_into(&mut reached(&mut facts, "oslo").id);
    assert_only(&facts, Severity::Problem, "one and the same (p)", "oslo");
}

#[test]
fn missing_permissions_come_with_the_command_that_grants_them() {
    let mut facts = healthy();
    orders(&mut facts).permitted = Operations::of(&[AclOperation::Describe]);
    assert_only(
        &facts,
        Severity::Problem,
        "not permitted on paris: Read, DescribeConfigs on orders",
        "kafka-acls.sh --bootstrap-server p:9092 --add --allow-principal User:ANONYMOUS --operation Read --operation DescribeConfigs --topic orders",
    );
    let mut facts = healthy();
    let most: Vec<AclOperation> = ALL[1..].to_vec();
    orders(&mut facts).on_target = present(&most);
    assert_only(
        &facts,
        Severity::Problem,
        "not permitted on oslo: Read on orders",
        "--bootstrap-server o:9092",
    );
}

#[test]
fn what_a_mirror_needs_now_is_a_problem_and_what_it_may_need_later_is_not() {
    let enough = [
        AclOperation::Read,
        AclOperation::Write,
        AclOperation::Describe,
        AclOperation::DescribeConfigs,
    ];
    let mut facts = healthy();
    orders(&mut facts).on_target = present(&enough);
    assert_only(
        &facts,
        Severity::Advice,
        "Alter, AlterConfigs on orders: new partitions",
        "--operation Alter --operation AlterConfigs",
    );
    orders(&mut facts).on_target = MirrorFacts::Present {
        permitted: Operations::of(&enough),
        due: [AclOperation::Alter].into(),
        strangers: Vec::new(),
    };
    let all = findings(&facts);
    let told: Vec<(Severity, bool)> = all
        .iter()
        .map(|it| (it.severity, it.fix.contains("--operation Alter ")))
        .collect();
    assert_eq!(
        told,
        [(Severity::Problem, true), (Severity::Advice, false)],
        "{all:#?}"
    );
}

#[test]
fn refused_creations_are_told_by_cause() {
    for (code, fix) in [
        (29, "--operation Create --topic orders"),
        (38, "replication_factor of [links.paris-oslo]"),
        (44, "topics_exclude"),
    ] {
        let mut facts = healthy();
        orders(&mut facts).on_target = refused(code);
        assert_only(
            &facts,
            Severity::Problem,
            "oslo would not create orders: cannot create",
            fix,
        );
    }
    let mut facts = healthy();
    for (name, topic) in &mut found(&mut facts).topics {
        topic.on_target = refused(38);
        topic.mirror = format!("paris.{name}").as_str().into();
    }
    assert!(only(&facts).what.contains("paris.orders, paris.payments"));
}

#[test]
fn records_of_others_are_a_problem_once_per_topic() {
    let stranger = |number| Stranger {
        partition: Partition(number),
        what: "the batch is strange".to_owned(),
    };
    let mut facts = healthy();
    orders(&mut facts).on_target = MirrorFacts::Present {
        permitted: Operations::of(ALL),
        due: BTreeSet::new(),
        strangers: vec![stranger(1), stranger(2)],
    };
    assert_only(
        &facts,
        Severity::Problem,
        "somebody else wrote to topic orders on oslo: in partition 1 the batch is strange; partitions like it: 1 more",
        "mirror the topic anew",
    );
}

#[test]
fn limits_of_the_target_are_told_when_they_matter() {
    let mut facts = healthy();
    set(&mut facts, "oslo", "producer.id.expiration.ms", "86400000");
    let fix = "--add-config producer.id.expiration.ms=604800000";
    assert_eq!(findings(&facts), [], "no history is due");
    found(&mut facts).unpipelined = BTreeMap::from([("payments".into(), 70)]);
    let text = "70 offsets of payments, which aren't mirrored yet, are older";
    assert_only(&facts, Severity::Advice, text, fix);
    found(&mut facts).unpipelined.clear();

    orders(&mut facts).max_message_bytes = Some(104_857_000);
    assert_only(
        &facts,
        Severity::Advice,
        "orders may hold",
        "socket.request",
    );
    orders(&mut facts).max_message_bytes = Some(104_850_000);

    set(&mut facts, "oslo", "offsets.retention.minutes", "1440");
    assert_only(&facts, Severity::Advice, "1440 on oslo", "10080");
}

#[test]
fn a_far_source_with_small_buffers_needs_connections() {
    let mut facts = healthy();
    reached(&mut facts, "paris").round_trip = Duration::from_millis(100);
    assert_only(
        &facts,
        Severity::Advice,
        "100 ms away and its socket.send.buffer.bytes is 102400: 31 connections to each of its 1 brokers carry about 63 MB/s",
        "fetch_connections = 62",
    );
    facts.links[0].fetch_connections = Some(2);
    assert_only(
        &facts,
        Severity::Advice,
        "2 connections to each of its 1 brokers carry about 4 MB/s",
        "fetch_connections = 62",
    );
    set(&mut facts, "paris", "socket.send.buffer.bytes", "-1");
    assert_eq!(findings(&facts), []);
    set(&mut facts, "paris", "socket.send.buffer.bytes", "102400");
    reached(&mut facts, "paris").round_trip = Duration::from_millis(300);
    assert!(!only(&facts).fix.contains("fetch_connections"));
}

#[test]
fn problems_come_before_advice_and_long_lists_are_cut() {
    let mut facts = healthy();
    set(&mut facts, "oslo", "offsets.retention.minutes", "1");
    let found = found(&mut facts);
    for number in 0..7 {
        let mut hidden = topic("x", present(ALL));
        hidden.permitted = Operations::default();
        let name = format!("t{number}");
        found.topics.insert(name.as_str().into(), hidden);
    }
    let all = findings(&facts);
    assert_eq!(
        all.iter().map(|it| it.severity).collect::<Vec<_>>(),
        [Severity::Problem, Severity::Advice]
    );
    assert!(all[0].what.ends_with("t0, t1, t2, t3, t4 and 2 more"));
    assert!(all[0].fix.ends_with("--topic t5 --topic t6"));
}

#[test]
fn where_refused_records_cannot_go_is_named() {
    let mut facts = healthy();
    let quarantine = |stands| QuarantineFacts {
        name: "refused".into(),
        stands,
    };
    found(&mut facts).quarantine = Some(quarantine(present(ALL)));
    assert_eq!(findings(&facts), []);
    let stands = present(&[AclOperation::Read, AclOperation::Describe]);
    found(&mut facts).quarantine = Some(quarantine(stands));
    let fix = "--operation Write --topic refused";
    assert_only(
        &facts,
        Severity::Problem,
        "permit Write on the quarantine",
        fix,
    );
    found(&mut facts).quarantine = Some(quarantine(refused(29)));
    let fix = "--operation Read --operation Write --operation Create";
    assert_only(
        &facts,
        Severity::Problem,
        "refuses to create the quarantine",
        fix,
    );
}

#[test]
fn what_the_target_wont_keep_is_counted() {
    let mut facts = healthy();
    found(&mut facts).outlived = BTreeMap::from([("orders".into(), 70), ("payments".into(), 7)]);
    let what = "77 offsets of orders, payments are older than retention.ms";
    assert_only(&facts, Severity::Advice, what, "retention.ms");
}
