//! The care for the ACLs of mirror topics.

use super::*;
use crate::check::facts::AclFacts;
use crate::control::acls::by_hand::{ByHand, CarriedByHand};
use crate::control::acls::desired::TopicRole;
use crate::control::acls::status::{AclStatus, TopicAcls};

fn with(status: Result<Option<AclStatus>, Error>) -> Facts {
    let mut facts = healthy();
    found(&mut facts).acls = Some(AclFacts {
        status,
        knows_added: true,
    });
    facts
}

#[test]
fn acls_that_cannot_be_cared_for_are_a_problem() {
    let refused = Error::new(Kind::Broker(BrokerCode(31)), "cannot read the ACLs");
    let fix = "farshore check --print-acls";
    assert_only(
        &with(Err(refused)),
        Severity::Problem,
        "cannot read the ACLs",
        fix,
    );
    let without = "the brokers of oslo have no authorizer";
    assert_only(
        &with(Ok(None)),
        Severity::Problem,
        without,
        "authorizer.class.name",
    );
    let status = AclStatus {
        source_failure: Some("not permitted".to_owned()),
        ..AclStatus::default()
    };
    let what = "no ACLs are carried over from paris: not permitted";
    assert_only(&with(Ok(Some(status))), Severity::Problem, what, "Describe");
}

#[test]
fn unguarded_topics_and_what_is_carried_by_hand_are_named() {
    assert_eq!(findings(&with(Ok(Some(AclStatus::default())))), []);
    let topic = TopicAcls {
        topic: "orders".into(),
        mirror_topic: "paris.orders".into(),
        role: TopicRole::Mirror,
        desired: Vec::new(),
        added: Vec::new(),
        to_add: Vec::new(),
        to_remove: Vec::new(),
        unguarded: vec!["everybody may".to_owned()],
        detail: None,
    };
    let status = AclStatus {
        topics: vec![topic],
        ..AclStatus::default()
    };
    let what = "unguarded: paris.orders: everybody may";
    assert_only(
        &with(Ok(Some(status))),
        Severity::Advice,
        what,
        "on the target",
    );
    let status = AclStatus {
        sync_acls: true,
        by_hand: ByHand {
            items: vec![CarriedByHand {
                what: "ALLOW Read on group g for User:a".to_owned(),
                why: "by hand".to_owned(),
                command: "kafka-acls.sh".to_owned(),
            }],
            more: 0,
        },
        ..AclStatus::default()
    };
    let what = "not carried over: ALLOW Read on group g";
    assert_only(
        &with(Ok(Some(status))),
        Severity::Advice,
        what,
        "check --plan",
    );
}
