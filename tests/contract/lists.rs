//! Lists in chunks: snapshots of groups, plans and operations, over every implementation of the store.

use std::collections::BTreeMap;

use farshore::checkpoint::chunks::Packed;
use farshore::checkpoint::documents::{Document, DocumentKind, List, Name};
use farshore::checkpoint::snapshots::{load_snapshot, put_snapshot, renew_snapshot};
use farshore::checkpoint::{GroupSnapshot, Space, Store, Update};
use farshore::model::{GroupId, LinkName, TopicPartition};
use serde_json::{Value, json};

crate::store::for_each_store!(
    a_snapshot_of_any_size_comes_back_and_no_value_holds_more_than_a_thousand_offsets,
    a_snapshot_replaces_the_one_before_and_leaves_nothing_of_it,
    a_snapshot_with_long_texts_stays_in_small_values,
    a_snapshot_of_the_first_layout_is_read_and_replaced_by_chunks,
    a_reader_never_sees_a_half_of_each_of_two_snapshots,
    documents_come_back_by_their_name_and_of_each_link,
);

const OFFSETS: usize = 160_000;

fn link() -> LinkName {
    LinkName::new("l")
}

/// Offsets of 400 groups, of which each n-th has metadata.
fn snapshot(
    taken_at_ms: i64,
    offsets: usize,
    text: impl Fn(usize) -> Option<String>,
) -> GroupSnapshot {
    let mut snapshot = GroupSnapshot {
        taken_at_ms,
        ..GroupSnapshot::default()
    };
    for number in 0..offsets {
        let group = GroupId::new(format!("group-{:03}", number / 400));
        let topic = format!("topic-{}", number / 100 % 4);
        let at = TopicPartition::new(topic.as_str(), i32::try_from(number % 100).unwrap());
        let offset = taken_at_ms * 1_000_000 + i64::try_from(number).unwrap();
        snapshot
            .offsets
            .push((group, at.clone(), offset, text(number)));
        if number < 400 {
            snapshot.ends.push((at, offset + 1));
        }
    }
    snapshot
}

async fn save(store: &dyn Store, snapshot: &GroupSnapshot) {
    let mut update = Update::new();
    put_snapshot(&mut update, store, &link(), snapshot).unwrap();
    store.commit(update).await.unwrap();
}

fn of_groups(store: &dyn Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    store.scan(Space::Groups, &[], usize::MAX).unwrap()
}

fn offsets_in(value: &[u8]) -> usize {
    let value: Value = serde_json::from_slice(value).unwrap();
    value.as_array().map_or(0, Vec::len)
}

async fn a_snapshot_of_any_size_comes_back_and_no_value_holds_more_than_a_thousand_offsets(
    store: &dyn Store,
) {
    assert_eq!(load_snapshot(store, &link()).unwrap(), None);
    let text = |number| (number % 7 == 0).then(|| format!("text \" {number}"));
    for offsets in [0, 1, 1_000, 1_001, OFFSETS] {
        let taken = snapshot(3, offsets, text);
        save(store, &taken).await;
        assert!(
            load_snapshot(store, &link()).unwrap() == Some(taken),
            "{offsets}"
        );
    }
    let stored = of_groups(store);
    assert!(stored.iter().all(|(_, value)| offsets_in(value) <= 1_000));
    assert_eq!(stored.len(), 1 + OFFSETS / 1_000 + 1);
    let bytes: usize = stored.iter().map(|(_, value)| value.len()).sum();
    assert!(bytes < OFFSETS * 32, "{bytes}");
}

async fn a_snapshot_replaces_the_one_before_and_leaves_nothing_of_it(store: &dyn Store) {
    save(store, &snapshot(1, 5_000, |_| None)).await;
    let other = LinkName::new("lx");
    let mut update = Update::new();
    put_snapshot(&mut update, store, &other, &snapshot(7, 10, |_| None)).unwrap();
    store.commit(update).await.unwrap();
    // An update that was handed over but not awaited.
    let mut unseen = Update::new();
    put_snapshot(&mut unseen, store, &link(), &snapshot(2, 3_000, |_| None)).unwrap();
    let mut next = Update::new();
    put_snapshot(&mut next, store, &link(), &snapshot(3, 2_000, |_| None)).unwrap();
    drop(store.commit(unseen));
    store.commit(next).await.unwrap();
    assert_eq!(
        load_snapshot(store, &link()).unwrap(),
        Some(snapshot(3, 2_000, |_| None))
    );
    save(store, &snapshot(4, 2_000, |_| None)).await;
    assert_eq!(
        load_snapshot(store, &link()).unwrap(),
        Some(snapshot(4, 2_000, |_| None))
    );
    assert_eq!(
        load_snapshot(store, &other).unwrap(),
        Some(snapshot(7, 10, |_| None))
    );
    // A head, two chunks of offsets and one of ends; three of the other link.
    assert_eq!(of_groups(store).len(), 4 + 3);
}

async fn a_snapshot_with_long_texts_stays_in_small_values(store: &dyn Store) {
    let taken = snapshot(1, 3_000, |_| Some("\u{1}".repeat(4_096)));
    save(store, &taken).await;
    assert!(load_snapshot(store, &link()).unwrap() == Some(taken));
    let largest = of_groups(store).iter().map(|(_, value)| value.len()).max();
    assert!(largest.unwrap() < 1 << 20, "{largest:?}");
}

/// Puts a snapshot in the form written by version 0.1.
fn put_first_layout(update: &mut Update, snapshot: &GroupSnapshot) {
    let key = [&[1, 0, 1], &b"l"[..]].concat();
    update.put(Space::Groups, key, serde_json::to_vec(snapshot).unwrap());
}

async fn a_snapshot_of_the_first_layout_is_read_and_replaced_by_chunks(store: &dyn Store) {
    let former = snapshot(1, 2_500, |_| Some("text".to_owned()));
    let mut update = Update::new();
    put_first_layout(&mut update, &former);
    store.commit(update).await.unwrap();
    assert_eq!(
        load_snapshot(store, &link()).unwrap().as_ref(),
        Some(&former)
    );
    let mut renewed = Update::new();
    renew_snapshot(&mut renewed, store, &link()).unwrap();
    store.commit(renewed).await.unwrap();
    assert_eq!(load_snapshot(store, &link()).unwrap(), Some(former));
    let stored = of_groups(store);
    assert!(
        stored.iter().all(|(key, _)| key[0] > 1),
        "the former is gone"
    );
    let next = snapshot(2, 10, |_| None);
    save(store, &next).await;
    assert_eq!(load_snapshot(store, &link()).unwrap(), Some(next));
    let mut nothing = Update::new();
    renew_snapshot(&mut nothing, store, &link()).unwrap();
    assert!(nothing.is_empty());
}

async fn a_reader_never_sees_a_half_of_each_of_two_snapshots(store: &dyn Store) {
    const ROUNDS: i64 = 40;
    save(store, &snapshot(1, 3_500, |_| None)).await;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while last < ROUNDS {
                let read = load_snapshot(store, &link()).unwrap().unwrap();
                last = read.taken_at_ms;
                let offsets = if last % 2 == 0 { 2_200 } else { 3_500 };
                assert!(read == snapshot(last, offsets, |_| None), "{last}");
            }
        });
        for round in 2..=ROUNDS {
            let offsets = if round % 2 == 0 { 2_200 } else { 3_500 };
            let mut update = Update::new();
            put_snapshot(
                &mut update,
                store,
                &link(),
                &snapshot(round, offsets, |_| None),
            )
            .unwrap();
            futures_util::FutureExt::now_or_never(store.commit(update));
            // The next update depends on what this one wrote.
            while load_snapshot(store, &link()).unwrap().unwrap().taken_at_ms < round {
                std::thread::yield_now();
            }
        }
        reader.join().unwrap();
    });
}

fn name(kind: DocumentKind, link: &str, id: &str) -> Name {
    Name {
        kind,
        link: link.into(),
        id: id.to_owned(),
    }
}

async fn documents_come_back_by_their_name_and_of_each_link(store: &dyn Store) {
    let (of_plan, of_operation) = (
        name(DocumentKind::Plan, "l", "p1"),
        name(DocumentKind::Operation, "lx", "p2"),
    );
    let mut update = Update::new();
    let warnings = Packed::list(0..2_500);
    let lists = BTreeMap::from([(
        List::Warnings,
        of_plan.put_list(&mut update, List::Warnings, warnings),
    )]);
    let head = json!({ "kind": "drill" });
    let document = Document {
        head: head.clone(),
        lists,
    };
    of_plan.put(&mut update, &document);
    let lists = BTreeMap::new();
    of_operation.put(
        &mut update,
        &Document {
            head: json!({}),
            lists,
        },
    );
    update.put(Space::Operations, "20260101T000000Z-0", b"{}".to_vec());
    store.commit(update).await.unwrap();

    assert_eq!(
        DocumentKind::Plan.find(store, "p1").unwrap(),
        Some(of_plan.clone())
    );
    assert_eq!(DocumentKind::Plan.find(store, "p2").unwrap(), None);
    assert_eq!(
        DocumentKind::Operation.find(store, "p2").unwrap(),
        Some(of_operation.clone())
    );
    let former = DocumentKind::Operation.all_of_first_layout(store).unwrap();
    assert_eq!(former, [("20260101T000000Z-0".to_owned(), b"{}".to_vec())]);
    let loaded = of_plan.load::<Value>(store).unwrap().unwrap();
    assert_eq!(loaded.head, head);
    let warnings = of_plan
        .list::<i32>(store, &loaded.lists, List::Warnings)
        .unwrap();
    assert!(warnings.unwrap().into_iter().eq(0..2_500));
    let none = of_plan
        .list::<i32>(store, &loaded.lists, List::Blockers)
        .unwrap();
    assert_eq!(none, Some(vec![]));
    let mut update = Update::new();
    of_plan.delete(&mut update, &loaded);
    store.commit(update).await.unwrap();
    assert!(store.scan(Space::Plans, &[], 9).unwrap().is_empty());
    let replaced = of_plan
        .list::<i32>(store, &loaded.lists, List::Warnings)
        .unwrap();
    assert_eq!(replaced, None, "whoever read the head before reads again");
}
