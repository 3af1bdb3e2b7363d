use kafka_protocol::messages::api_versions_response::ApiVersion;
use proptest::prelude::*;

use super::*;

fn broker(key: ApiKey, min: i16, max: i16) -> Versions {
    let api = ApiVersion::default()
        .with_api_key(key as i16)
        .with_min_version(min)
        .with_max_version(max);
    Versions::new(&ApiVersionsResponse::default().with_api_keys(vec![api]))
}

fn range(min: i16, max: i16) -> VersionRange {
    VersionRange { min, max }
}

proptest! {
    #[test]
    fn the_choice_is_the_highest_in_both_ranges(a in 0_i16..20, b in 0_i16..20, c in 0_i16..20, d in 0_i16..20) {
        let chosen = broker(ApiKey::Fetch, a, b).choose(ApiKey::Fetch, range(c, d)).ok();
        let expected = (0..20).rev().find(|v| (a..=b).contains(v) && (c..=d).contains(v));
        prop_assert_eq!(chosen, expected);
    }
}

#[test]
fn real_brokers_get_what_both_speak() {
    assert_eq!(
        broker(ApiKey::Fetch, 4, 18).highest(ApiKey::Fetch),
        Some(17)
    );
    assert_eq!(
        broker(ApiKey::Produce, 0, 11).highest(ApiKey::Produce),
        Some(11)
    );
    assert_eq!(broker(ApiKey::Produce, 0, 2).highest(ApiKey::Produce), None);
    assert_eq!(
        broker(ApiKey::Produce, 0, 9).highest(ApiKey::DescribeProducers),
        None
    );
}

#[test]
fn what_a_broker_speaks_beyond_us_is_known() {
    let old = broker(ApiKey::InitProducerId, 0, 2);
    assert!(old.reaches(ApiKey::InitProducerId, 2) && !old.reaches(ApiKey::InitProducerId, 3));
    assert!(!old.reaches(ApiKey::Produce, 0));
}

#[test]
fn what_cannot_be_agreed_on_is_said() {
    let old = broker(ApiKey::Produce, 0, 2);
    let error = old.choose(ApiKey::Produce, range(3, 13)).unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert!(error.message().contains("version in 3..13"));
    assert!(error.message().contains("broker speaks 0..2"));
    let error = old.choose(ApiKey::Fetch, range(4, 17)).unwrap_err();
    assert!(error.message().contains("broker speaks none"));
}
