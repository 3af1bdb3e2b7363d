use crate::kafka::admin::Outdated;
use crate::model::BrokerId;

use super::*;

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
