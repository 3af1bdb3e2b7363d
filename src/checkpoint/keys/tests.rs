//! Which entries a link's journal holds, and reads of a group of changes that a crash cut short.

use std::collections::BTreeMap;

use super::*;
use crate::checkpoint::chunks::Packed;
use crate::checkpoint::documents::{Document, DocumentKind, List, Name};
use crate::checkpoint::snapshots::{load_snapshot, put_snapshot};
use crate::checkpoint::store::{Change, Store, Update};
use crate::checkpoint::{GroupSnapshot, MemoryStore};

#[test]
fn every_entry_of_a_link_is_copied_and_found_by_a_prefix() {
    let name = LinkName::new("l");
    let at = TopicPartition::new("t", 1);
    let audit = [audit_of(&name), vec![0; 8]].concat();
    let of_link = [
        (Space::Meta, reseed(&name, &at.topic)),
        (Space::Meta, first_look(&name)),
        (Space::Meta, first_look_topic(&name, &at.topic)),
        (Space::Meta, start(&PartitionKey::new(&name, &at))),
        (Space::Meta, acls_of_topic(&name, &at.topic)),
        (Space::Links, link(&name)),
        (Space::Topics, topic(&name, &at.topic)),
        (Space::Partitions, partition(&PartitionKey::new(&name, &at))),
        (
            Space::Runs,
            at_offset(&partition(&PartitionKey::new(&name, &at)), 1),
        ),
        (
            Space::RunsBySource,
            at_offset(&partition(&PartitionKey::new(&name, &at)), 1),
        ),
        (Space::Groups, group_offset(&name, &"g".into(), &at)),
        (Space::Groups, group_snapshot(&name)),
        (Space::Groups, cut(&name)),
        (Space::Groups, [cut_chunks(&name), vec![1; 12]].concat()),
        (Space::Operations, document(&name, "id")),
        (
            Space::Operations,
            [document_chunks(&name, "id"), vec![1; 13]].concat(),
        ),
        (Space::Audit, audit),
        (Space::Verifications, verification(&name, "id")),
        (Space::Verifications, examined(&name, "id", &at)),
        (Space::Verifications, proof(&name, &at)),
    ];
    for (space, key) in of_link {
        let full = space.full_key(&key);
        assert_eq!(
            link_of(&full, Some(b"{}")).as_ref(),
            Some(&name),
            "{space:?}"
        );
        assert!(is_copied(&name, &full, None), "{space:?}");
        assert!(!is_copied(&"lx".into(), &full, None), "{space:?}");
        let mut prefixes = prefixes_of(&name).into_iter();
        assert!(
            prefixes.any(|(of, prefix)| of == space && key.starts_with(&prefix)),
            "{space:?}"
        );
        let mut others = prefixes_of(&"lx".into()).into_iter();
        assert!(
            !others.any(|(of, prefix)| of == space && key.starts_with(&prefix)),
            "{space:?}"
        );
    }
}

#[test]
fn plans_and_entries_of_no_link_are_copied_nowhere() {
    let of_none = [
        (Space::Plans, document(&"l".into(), "id")),
        (Space::Plans, b"20260101T000000Z-0".to_vec()),
        (Space::Audit, 7_u64.to_be_bytes().to_vec()),
        (Space::Meta, b"owner".to_vec()),
        (Space::Meta, filling(&"l".into())),
    ];
    for (space, key) in of_none {
        let full = space.full_key(&key);
        assert!(!is_copied(&"l".into(), &full, Some(b"{}")), "{space:?}");
    }
    let operation = Space::Operations.full_key(b"20260101T000000Z-0");
    let value = br#"{"id":"x","plan":{"hash":"h","link":"l"}}"#;
    assert!(is_copied(&"l".into(), &operation, Some(value)));
    assert!(!is_copied(&"lx".into(), &operation, Some(value)));
}

/// A crash may keep the last changes of a group from the journal. A partition then has its start or its record.
#[test]
fn a_start_goes_when_the_record_of_its_partition_is_there() {
    let key = PartitionKey::new(&"l".into(), &TopicPartition::new("t", 0));
    let rank =
        |space: Space, key: Vec<u8>, removed| place_among_changes(&space.full_key(&key), removed);
    let record = rank(Space::Partitions, partition(&key), false);
    assert!(rank(Space::Meta, start(&key), true) > record);
    let looked = rank(Space::Meta, first_look(&key.link), false);
    assert!(rank(Space::Meta, start(&key), false) < looked);
}

fn snapshot(taken_at_ms: i64, offsets: i32) -> GroupSnapshot {
    let offset = |number| {
        (
            "g".into(),
            TopicPartition::new("t", number),
            taken_at_ms,
            None,
        )
    };
    GroupSnapshot {
        taken_at_ms,
        offsets: (0..offsets).map(offset).collect(),
        ends: vec![(TopicPartition::new("t", 0), taken_at_ms)],
    }
}

fn operation(store: &dyn Store, update: &mut Update, number: i32) {
    let name = operation_name();
    let former = name.load::<BTreeMap<String, i32>>(store).unwrap();
    let former = former.map(|it| it.lists).unwrap_or_default();
    name.delete_list(update, &former, List::Moves);
    let packed = Packed::list(vec![number; 2_500]);
    let lists = BTreeMap::from([(List::Moves, name.put_list(update, List::Moves, packed))]);
    let head = BTreeMap::from([("number".to_owned(), number)]);
    name.put(update, &Document { head, lists });
}

fn operation_name() -> Name {
    Name {
        kind: DocumentKind::Operation,
        link: "l".into(),
        id: "id".to_owned(),
    }
}

#[tokio::test]
async fn wherever_a_group_of_changes_breaks_off_the_former_or_the_new_is_read() {
    let link = LinkName::new("l");
    let before = MemoryStore::new();
    let mut former = Update::new();
    former.put(
        Space::Groups,
        group_snapshot(&link),
        serde_json::to_vec(&snapshot(1, 10)).unwrap(),
    );
    operation(&before, &mut former, 1);
    let former: Vec<Change> = former.into_changes();
    before.commit(Update::of(former.clone())).await.unwrap();
    // The first round replaces a layout-1 value, the second one replaces chunks.
    let mut all = former;
    for number in 2..=3 {
        let store = MemoryStore::new();
        store.commit(Update::of(all.clone())).await.unwrap();
        let mut update = Update::new();
        put_snapshot(&mut update, &store, &link, &snapshot(number, 2_500)).unwrap();
        operation(&store, &mut update, i32::try_from(number).unwrap());
        let waiting: BTreeMap<_, _> = update.into_changes().into_iter().collect();
        let mut changes: Vec<Change> = waiting.into_iter().collect();
        changes.sort_by_key(|(key, value)| place_among_changes(key, value.is_none()));
        for there in 0..=changes.len() {
            let store = MemoryStore::new();
            let some = all.iter().chain(&changes[..there]).cloned();
            store.commit(Update::of(some.collect())).await.unwrap();
            let read = load_snapshot(&store, &link).unwrap().unwrap();
            let offsets = if read.taken_at_ms == 1 { 10 } else { 2_500 };
            assert_eq!(read, snapshot(read.taken_at_ms, offsets));
            assert!(read.taken_at_ms == number || read.taken_at_ms == number - 1);
            let name = operation_name();
            let document = name.load::<BTreeMap<String, i32>>(&store).unwrap().unwrap();
            let list = name
                .list::<i32>(&store, &document.lists, List::Moves)
                .unwrap();
            assert!(
                list.unwrap()
                    .iter()
                    .all(|it| *it == document.head["number"])
            );
            if there == changes.len() {
                assert_eq!(read.taken_at_ms, number);
            }
        }
        all.extend(changes);
    }
}
