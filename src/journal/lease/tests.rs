mod patience;

use super::*;
use crate::journal::testing;

#[test]
fn terms_have_growing_epochs_under_one_id_until_those_are_used_up() {
    let link = LinkName::new("l");
    let producer = |term| Head::producer(&link, term);
    assert_eq!(producer(1), (producer(0).0, 1));
    assert_eq!(producer(32_766), (producer(0).0, 32_766));
    assert_eq!(producer(32_767).1, 0);
    assert_ne!(producer(32_767).0, producer(0).0);
    assert!(producer(5).0.is_farshore());
    // Must stay the same, so that a process of another version is fenced.
    assert_eq!(producer(5).0, ProducerId(0x46A5_E2B0_78AC_E300));
    assert_ne!(producer(5).0, Head::producer(&"other".into(), 5).0);
}

/// The head as a reader of layout 1 parses it.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "it is only read")]
struct OfFirst {
    owner: Owner,
    since_ms: i64,
    term: u64,
    claim: u64,
    revision: Option<Revision>,
    released: bool,
}

fn head(oldest_reader: Layout) -> Head {
    Head {
        since_ms: 5,
        revision: Some(Revision { term: 3, number: 7 }),
        mark: Mark::default().written(oldest_reader),
        ..testing::head("db", 3, u64::MAX)
    }
}

#[test]
fn a_head_is_read_by_those_it_is_for() {
    let (open, closed) = (head(Layout::FIRST), head(Layout::SECOND));
    assert_eq!(Head::decode(&open.encode()).unwrap(), open);
    assert_eq!(Head::decode(&closed.encode()).unwrap(), closed);
    serde_json::from_slice::<OfFirst>(&open.encode()).unwrap();
    let refused = serde_json::from_slice::<OfFirst>(&closed.encode()).unwrap_err();
    assert!(refused.to_string().contains("missing field"), "{refused}");
}

#[test]
fn a_head_of_layout_1_has_no_mark_and_a_later_one_is_refused_by_it() {
    let before = r#"{"owner":{"id":"db","host":"h","process":1},"since_ms":5,"term":3,"claim":18446744073709551615,"revision":{"term":3,"number":7},"released":false}"#;
    let unmarked = Head {
        mark: Mark::default(),
        ..head(Layout::FIRST)
    };
    assert_eq!(Head::decode(before.as_bytes()).unwrap(), unmarked);
    let later = br#"{"layout":5,"oldest_reader":4,"and":"what nobody here understands"}"#;
    assert_eq!(Head::decode(later).unwrap_err().kind(), Kind::Refused);
    assert_eq!(Head::decode(b"{}").unwrap_err().kind(), Kind::Invalid);
}

/// An owner as written before owners had an API URL.
#[derive(Deserialize)]
struct Former {
    owner: FormerOwner,
}
#[derive(Deserialize)]
struct FormerOwner {
    id: String,
    host: String,
    process: u32,
}

#[test]
fn a_head_without_an_address_is_read_and_one_with_it_by_those_who_know_none() {
    let former = r#"{"owner":{"id":"i","host":"h","process":7},"since_ms":1,"term":2,"claim":3,"revision":null,"released":false}"#;
    let mut head: Head = serde_json::from_str(former).unwrap();
    assert_eq!(head.owner.api_url, None);
    let written = serde_json::to_value(&head.owner).unwrap();
    let plain = serde_json::json!({"id": "i", "host": "h", "process": 7});
    assert_eq!(written, plain);
    head.owner.api_url = Some("http://h:8640".to_owned());
    assert_eq!(head.owner.to_string(), "process 7 on h (http://h:8640)");
    let text = serde_json::to_string(&head).unwrap();
    let FormerOwner { id, host, process } = serde_json::from_str::<Former>(&text).unwrap().owner;
    assert_eq!((id.as_str(), host.as_str(), process), ("i", "h", 7));
}

#[test]
fn a_later_term_is_later_whatever_the_numbers() {
    let revision = |term, number| Revision { term, number };
    assert!(revision(2, 0) > revision(1, 900));
    assert!(revision(1, 2) > revision(1, 1));
    assert!(Some(Revision::BEFORE) > None);
}
