use super::*;
use crate::checkpoint::{PartitionKey, records};
use crate::model::TopicPartition;

fn link() -> LinkName {
    "l".into()
}

#[test]
fn kinds_of_keys_that_layout_1_has_not_need_a_later_reader() {
    let partition = keys::partition(&PartitionKey::new(&link(), &TopicPartition::new("t", 0)));
    let at = TopicPartition::new("t", 0);
    for (space, key) in [
        (Space::Meta, b"owner".to_vec()),
        (Space::Meta, keys::revision(&link())),
        (Space::Meta, keys::reseed(&link(), &"t".into())),
        (Space::Links, keys::link(&link())),
        (Space::Topics, keys::topic(&link(), &"t".into())),
        (Space::Partitions, partition.clone()),
        (Space::Runs, keys::at_offset(&partition, 7)),
        (Space::RunsBySource, keys::at_offset(&partition, 7)),
        (Space::Groups, keys::group_offset(&link(), &"g".into(), &at)),
        (Space::Groups, keys::group_snapshot(&link())),
        (Space::Operations, b"20261129T225621Z-00c0ffee".to_vec()),
        (Space::Plans, b"20261129T225621Z-00c0ffee".to_vec()),
        (Space::Audit, 7_u64.to_be_bytes().to_vec()),
        (Space::Verifications, keys::proof(&link(), &at)),
    ] {
        let full = space.full_key(&key);
        assert_eq!(needed_by(&full), Layout::FIRST, "{space:?} {key:?}");
        let is_open = matches!(space, Space::Verifications | Space::Groups)
            || key.starts_with(b"revision")
            || key == keys::reseed(&link(), &"t".into());
        let longer = [&full[..], b"\x01"].concat();
        assert!(
            is_open || needed_by(&longer) == Layout::CURRENT,
            "{space:?} {key:?}"
        );
    }
    assert_eq!(
        needed_by(&Space::Groups.full_key(&[2, 0, 1, b'l'])),
        Layout::SECOND
    );
    for (space, key) in [
        (Space::Meta, keys::first_look(&link())),
        (Space::Meta, keys::intents(&link())),
        (Space::Operations, keys::document(&link(), "id")),
        (Space::Audit, keys::audit_of(&link())),
    ] {
        assert_eq!(
            needed_by(&space.full_key(&key)),
            Layout::SECOND,
            "{space:?}"
        );
    }
    let start = keys::start(&PartitionKey::new(&link(), &at));
    assert_eq!(needed_by(&Space::Meta.full_key(&start)), Layout::THIRD);
    assert_eq!(
        needed_by(&[Space::ALL.len().try_into().unwrap(), 0]),
        Layout::CURRENT
    );
    assert_eq!(needed_by(&[]), Layout::CURRENT);
}

#[test]
fn an_update_says_of_a_link_what_its_entries_need() {
    let mut known = Update::new();
    known.put(Space::Links, keys::link(&link()), vec![]);
    let mut unchanged = Update::of(known.changes().to_vec());
    complete(&mut unchanged);
    assert_eq!(unchanged, known);

    let mut newer = Update::new();
    // An entry of no known kind.
    let key = [keys::link(&link()), vec![7]].concat();
    newer.put(Space::Links, &key, vec![]);
    complete(&mut newer);
    let mut wanted = Update::new();
    wanted.put(Space::Links, &key, vec![]);
    require(&mut wanted, &link(), Layout::CURRENT);
    assert_eq!(newer, wanted);
    // A removal requires no particular reader.
    let mut removed = Update::new();
    removed.delete(Space::Links, &key);
    complete(&mut removed);
    assert_eq!(removed.changes().len(), 1);
}

#[tokio::test]
async fn a_requirement_is_found_again_and_is_no_topic() {
    let store = crate::checkpoint::MemoryStore::new();
    assert_eq!(required(&store, &link()).unwrap(), Layout::FIRST);
    let mut update = Update::new();
    require(&mut update, &link(), Layout::SECOND);
    let later = requirement(&link(), 7);
    assert_eq!(needed_by(&Space::Topics.full_key(&later)), Layout(7));
    assert_eq!(
        needed_by_all(update.changes().iter().map(|(key, _)| key)),
        Layout::SECOND
    );
    store.commit(update).await.unwrap();
    assert_eq!(required(&store, &link()).unwrap(), Layout::SECOND);
    assert_eq!(required(&store, &"other".into()).unwrap(), Layout::FIRST);
    let mut update = Update::new();
    require(&mut update, &link(), Layout::THIRD);
    store.commit(update).await.unwrap();
    assert_eq!(required(&store, &link()).unwrap(), Layout::THIRD);
    assert_eq!(records::topics_of(&store, &link()).unwrap(), []);
}

#[test]
fn a_mark_grows_and_tells_both_layouts_when_it_is_refused() {
    let unmarked: Mark = serde_json::from_str("{}").unwrap();
    assert_eq!(unmarked, Mark::default());
    let written = unmarked.written(Layout::FIRST);
    assert_eq!(
        (written.layout, written.oldest_reader),
        (Layout::CURRENT, Layout::FIRST)
    );
    let raised = written.written(Layout::SECOND);
    assert_eq!(raised.written(Layout::FIRST), raised);
    assert_eq!(written.with(raised), raised);
    raised.check("it").unwrap();

    let readable: Mark =
        serde_json::from_str(r#"{"layout":9,"oldest_reader":2,"more":0}"#).unwrap();
    readable.check("it").unwrap();
    assert_eq!(readable.written(Layout::FIRST), readable);
    let newer: Mark = serde_json::from_str(r#"{"layout":9,"oldest_reader":8}"#).unwrap();
    let error = newer.check("the journal").unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(is_newer(&error) && !is_newer(&Error::new(Kind::Refused, "no")));
    let text = error.chain();
    for part in [
        "the journal was written by a newer farshore",
        "layout 9",
        "layout 8 or later",
        "up to layout 3",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
