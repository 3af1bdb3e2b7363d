use crate::kafka::admin::Outdated;
use crate::model::BrokerId;

use super::preserving::preserving;
use super::*;
use crate::config::Otherwise;

#[test]
fn brokers_from_before_2_5_may_be_a_source_and_no_target() {
    let mut facts = healthy();
    let old = || Outdated::of(vec![BrokerId(2), BrokerId(3)]);
    reached(&mut facts, "paris").outdated = old();
    assert_eq!(findings(&facts), []);
    reached(&mut facts, "oslo").outdated = old();
    assert_only(
        &facts,
        Severity::Problem,
        "oslo has brokers older than Kafka 2.5: broker 2, 3;",
        "Upgrade the brokers of oslo",
    );
}

#[test]
fn offsets_are_not_preserved_on_brokers_that_do_not_report_producers() {
    for (otherwise, severity) in [
        (Otherwise::Refuse, Severity::Problem),
        (Otherwise::Translate, Severity::Advice),
    ] {
        let mut facts = healthy();
        reached(&mut facts, "oslo").gapless = vec![BrokerId(1), BrokerId(3)];
        assert_eq!(findings(&facts), [], "with a map it doesn't matter");
        preserving(&mut facts, otherwise, 0);
        assert_only(
            &facts,
            severity,
            "can't be preserved on oslo, where broker 1, 3 is older than Kafka 2.8",
            "or set offsets = \"translate\"",
        );
    }
}

#[test]
fn the_right_to_write_markers_is_the_one_that_the_version_takes() {
    let mut facts = healthy();
    preserving(&mut facts, Otherwise::Refuse, 0).probe.markers =
        Some(Error::new(Kind::Broker(BrokerCode(31)), "markers refused"));
    reached(&mut facts, "oslo").marks_as_broker = true;
    assert_only(
        &facts,
        Severity::Problem,
        "markers refused",
        "--operation ClusterAction --cluster (Kafka before 3.8",
    );
}
