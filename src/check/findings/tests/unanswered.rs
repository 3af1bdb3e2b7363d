//! What isn't answered.

use crate::check::facts::RecordFacts;
use crate::check::probe::Probe;
use crate::clusters::unreached::Unreached;
use crate::config::Otherwise;
use crate::kafka::client::{Endpoint, HostPort};
use crate::model::BrokerId;

use super::*;

/// A broker that doesn't answer.
fn out_of_reach() -> Unreached {
    let advertised: HostPort = "kafka-0:9092".parse().unwrap();
    let endpoint = Endpoint {
        broker: Some(BrokerId(4)),
        dial: advertised.clone(),
        advertised,
        misled: None,
    };
    let error = Error::new(Kind::TimedOut, "too slow");
    Unreached::new(BrokerId(4), &endpoint, &error)
}

#[test]
fn a_broker_out_of_reach_is_a_problem_with_the_line_that_may_help() {
    let mut facts = healthy();
    reached(&mut facts, "oslo").unreached = vec![out_of_reach()];
    assert_only(
        &facts,
        Severity::Problem,
        "broker 4 cannot be reached at the address it advertises, kafka-0:9092: too slow",
        "[clusters.oslo.address_map] where it can be reached: \"kafka-0:9092\" = \"HOST:PORT\"",
    );
}

#[test]
fn a_question_that_nobody_answered_is_told_and_nothing_follows_from_it() {
    let mut facts = healthy();
    orders(&mut facts).permitted = Operations::UNKNOWN;
    orders(&mut facts).on_target = MirrorFacts::Present {
        permitted: Operations::UNKNOWN,
        due: [AclOperation::Alter].into(),
        strangers: Vec::new(),
    };
    let lost = || Error::new(Kind::Disconnected, "no connection to broker 4");
    let of_link = found(&mut facts);
    of_link.groups = None;
    of_link.unknown = vec![("consumer groups", lost()), ("the journal", lost())];
    let what = "not known: consumer groups, the journal: no connection to broker 4";
    assert_only(&facts, Severity::Problem, what, "the message names");
    reached(&mut facts, "oslo").unreached = vec![out_of_reach()];
    let all = findings(&facts);
    assert_eq!(all.len(), 2, "{all:#?}");
    assert!(all[1].fix.contains("keeps the brokers from"), "{all:#?}");
}

/// A right is missing only where a broker said so.
#[test]
fn no_right_is_proposed_where_a_connection_is_missing() {
    let errors = [
        (Error::new(Kind::Disconnected, "no connection"), false),
        (Error::new(Kind::TimedOut, "too slow"), false),
        (Error::new(Kind::Broker(BrokerCode(6)), "no leader"), false),
        (
            Error::new(Kind::Broker(BrokerCode(29)), "not permitted"),
            true,
        ),
        (
            Error::new(Kind::Broker(BrokerCode(31)), "not permitted"),
            true,
        ),
        (
            Error::new(Kind::Broker(BrokerCode(53)), "not permitted"),
            true,
        ),
    ];
    for (error, is_proposed) in errors {
        let mut facts = healthy();
        reached(&mut facts, "paris").settings = Err(error.clone());
        let of_link = found(&mut facts);
        of_link.record = Some(RecordFacts {
            prefix: "farshore".to_owned(),
            refused: Some(error.clone()),
        });
        of_link.quarantine = Some(QuarantineFacts {
            name: "quarantine".into(),
            stands: MirrorFacts::Missing {
                refused: Some(error.clone()),
            },
        });
        let preserve = preserving::preserving(&mut facts, Otherwise::Refuse, 1);
        preserve.probe = Probe {
            markers: Some(error.clone()),
            deletion: Some(error.clone()),
        };
        let all = findings(&facts);
        let about = all.iter().filter(|it| it.what.contains(error.message()));
        let about: Vec<&Finding> = about.collect();
        assert_eq!(about.len(), 5, "{all:#?}");
        for finding in about {
            let proposes = finding.fix.contains("kafka-acls");
            assert_eq!(proposes, is_proposed, "{error}: {finding:#?}");
        }
    }
}
