use kafka::fetch_request::FetchTopic;
use uuid::Uuid;

use super::*;

#[test]
fn a_fetch_without_ids_stays_with_names() {
    let by_id = FetchTopic::default().with_topic_id(Uuid::from_u128(1));
    let fetch = |topics| kafka::FetchRequest::default().with_topics(topics);
    assert_eq!(fetch(vec![by_id.clone()]).highest_version(), 17);
    let mixed = vec![by_id, FetchTopic::default()];
    assert_eq!(fetch(mixed).highest_version(), 12);
}

#[test]
fn requests_outside_the_table_are_not_spoken() {
    let spoken = our_versions(ApiKey::Produce).unwrap();
    assert_eq!((spoken.min, spoken.max), (3, 13));
    assert!(our_versions(ApiKey::Vote).is_none());
}
