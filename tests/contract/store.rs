//! The contract of `checkpoint::Store`, for the implementations on disk and in memory.

use std::sync::Arc;

use farshore::checkpoint::{DiskStore, Entry, MemoryStore, Space, Store, Update};
use tempfile::TempDir;

/// A store and everything that must live as long as it.
pub(crate) struct Given {
    pub(crate) store: Arc<dyn Store>,
    _directory: Option<TempDir>,
}

pub(crate) fn memory() -> Given {
    Given {
        store: Arc::new(MemoryStore::new()),
        _directory: None,
    }
}

pub(crate) fn disk() -> Given {
    let directory = tempfile::tempdir().unwrap();
    Given {
        store: Arc::new(DiskStore::open(directory.path()).unwrap()),
        _directory: Some(directory),
    }
}

/// Turns each named function, which takes a store, into a test of every implementation.
macro_rules! for_each_store {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                let given = crate::store::memory();
                super::$name(given.store.as_ref()).await;
            })*
        }
        mod disk {
            $(#[tokio::test]
            async fn $name() {
                let given = crate::store::disk();
                super::$name(given.store.as_ref()).await;
            })*
        }
    };
}
pub(crate) use for_each_store;

for_each_store!(
    a_committed_update_is_read_back_whole,
    a_later_change_wins,
    an_empty_update_is_a_barrier,
    keys_of_spaces_never_meet,
    floor_finds_the_greatest_key_within_the_prefix,
    scans_are_in_order_within_the_prefix_and_limited,
    scans_go_on_where_they_are_told,
    dropped_futures_change_nothing,
    many_updates_at_once_all_happen_in_order,
    large_and_empty_values_come_back,
);

fn put(changes: &[(&str, &str)]) -> Update {
    let mut update = Update::new();
    for (key, value) in changes {
        update.put(Space::Groups, key, value.as_bytes().to_vec());
    }
    update
}

fn get(store: &dyn Store, key: &str) -> Option<String> {
    let value = store.get(Space::Groups, key.as_bytes()).unwrap();
    value.map(|value| String::from_utf8(value).unwrap())
}

fn entries(pairs: &[(&str, &str)]) -> Vec<Entry> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let entry = |&(key, value): &(&str, &str)| (bytes(key), bytes(value));
    pairs.iter().map(entry).collect()
}

async fn a_committed_update_is_read_back_whole(store: &dyn Store) {
    let mut update = put(&[("a", "1"), ("b", "2")]);
    update.put(Space::Audit, "a", b"3".to_vec());
    store.commit(update).await.unwrap();
    assert_eq!(get(store, "a").as_deref(), Some("1"));
    assert_eq!(get(store, "b").as_deref(), Some("2"));
    assert_eq!(store.get(Space::Audit, b"a").unwrap(), Some(b"3".to_vec()));
    assert_eq!(get(store, "c"), None);

    let mut update = put(&[("b", "4")]);
    update.delete(Space::Groups, "a");
    update.delete(Space::Groups, "was never there");
    store.commit(update).await.unwrap();
    assert_eq!((get(store, "a"), get(store, "b")), (None, Some("4".into())));
}

async fn a_later_change_wins(store: &dyn Store) {
    let mut update = put(&[("a", "1"), ("a", "2"), ("b", "1"), ("c", "1")]);
    update.delete(Space::Groups, "b");
    let mut more = Update::new();
    more.delete(Space::Groups, "c");
    more.put(Space::Groups, "c", b"2".to_vec());
    update.append(more);
    store.commit(update).await.unwrap();
    assert_eq!(get(store, "a").as_deref(), Some("2"));
    assert_eq!(get(store, "b"), None);
    assert_eq!(get(store, "c").as_deref(), Some("2"));
}

async fn an_empty_update_is_a_barrier(store: &dyn Store) {
    assert!(Update::new().is_empty() && !put(&[("a", "1")]).is_empty());
    drop(store.commit(put(&[("a", "1")])));
    store.commit(Update::new()).await.unwrap();
    assert_eq!(get(store, "a").as_deref(), Some("1"));
}

async fn keys_of_spaces_never_meet(store: &dyn Store) {
    let mut update = Update::new();
    for space in Space::ALL {
        update.put(space, "", vec![space as u8]);
        update.put(space, [255; 3], vec![space as u8]);
    }
    store.commit(update).await.unwrap();
    for space in Space::ALL {
        let value = vec![space as u8];
        let both = vec![(vec![], value.clone()), (vec![255; 3], value.clone())];
        assert_eq!(store.scan(space, &[], 10).unwrap(), both);
        assert_eq!(store.get(space, &[]).unwrap(), Some(value.clone()));
        let last = store.floor(space, &[], &[255; 9]).unwrap();
        assert_eq!(last, Some((vec![255; 3], value)));
    }
}

async fn floor_finds_the_greatest_key_within_the_prefix(store: &dyn Store) {
    let update = put(&[
        ("a9", "0"),
        ("b", "1"),
        ("b3", "2"),
        ("b5", "3"),
        ("c1", "4"),
    ]);
    store.commit(update).await.unwrap();
    let floor = |prefix: &str, key: &str| {
        let found = store.floor(Space::Groups, prefix.as_bytes(), key.as_bytes());
        found
            .unwrap()
            .map(|(key, _)| String::from_utf8(key).unwrap())
    };
    assert_eq!(floor("b", "b9").as_deref(), Some("b5"));
    assert_eq!(floor("b", "b5").as_deref(), Some("b5"));
    assert_eq!(floor("b", "b4").as_deref(), Some("b3"));
    assert_eq!(floor("b", "b1").as_deref(), Some("b"));
    assert_eq!(floor("b3", "b39").as_deref(), Some("b3"));
    assert_eq!(floor("c", "c0"), None);
    assert_eq!(floor("", "zzz").as_deref(), Some("c1"));
    assert_eq!(floor("b", "zzz"), None, "the key lies outside the prefix");
}

async fn scans_are_in_order_within_the_prefix_and_limited(store: &dyn Store) {
    let pairs = [
        ("a", "1"),
        ("b", "2"),
        ("b1", "3"),
        ("b10", "4"),
        ("b2", "5"),
        ("c", "6"),
    ];
    let mut shuffled = pairs;
    shuffled.reverse();
    store.commit(put(&shuffled)).await.unwrap();
    let scan = |prefix: &str, limit| store.scan(Space::Groups, prefix.as_bytes(), limit).unwrap();
    assert_eq!(scan("", usize::MAX), entries(&pairs));
    assert_eq!(scan("b", usize::MAX), entries(&pairs[1..5]));
    assert_eq!(scan("b", 2), entries(&pairs[1..3]));
    assert_eq!(scan("b", 0), []);
    assert_eq!(scan("bb", 9), []);
}

async fn scans_go_on_where_they_are_told(store: &dyn Store) {
    let pairs = [("a", "1"), ("b1", "2"), ("b2", "3"), ("c", "4")];
    store.commit(put(&pairs)).await.unwrap();
    let scan = |from: &str| {
        store
            .scan_from(Space::Groups, b"b", from.as_bytes(), 9)
            .unwrap()
    };
    assert_eq!(scan("b2"), entries(&pairs[2..3]));
    assert_eq!(scan("b11"), entries(&pairs[2..3]));
    assert_eq!(scan(""), entries(&pairs[1..3]));
    assert_eq!(scan("c"), []);
}

async fn dropped_futures_change_nothing(store: &dyn Store) {
    drop(store.commit(put(&[("a", "1"), ("b", "1")])));
    store.commit(put(&[("b", "2")])).await.unwrap();
    assert_eq!(get(store, "a").as_deref(), Some("1"));
    assert_eq!(get(store, "b").as_deref(), Some("2"));
}

async fn many_updates_at_once_all_happen_in_order(store: &dyn Store) {
    let names: Vec<_> = (0..3000).map(|number| format!("{number:04}")).collect();
    let lined_up: Vec<_> = names
        .iter()
        .map(|name| store.commit(put(&[("last", name), (name, name)])))
        .collect();
    for (committed, name) in lined_up.into_iter().zip(&names) {
        committed.await.unwrap();
        assert_eq!(get(store, name).as_ref(), Some(name));
        assert!(get(store, "last").as_ref() >= Some(name));
    }
    assert_eq!(get(store, "last").as_deref(), Some("2999"));
}

async fn large_and_empty_values_come_back(store: &dyn Store) {
    let large = vec![7; 3 << 20];
    let mut update = Update::new();
    update.put(Space::Groups, "large", large.clone());
    update.put(Space::Groups, "empty", Vec::new());
    store.commit(update).await.unwrap();
    assert_eq!(store.get(Space::Groups, b"large").unwrap(), Some(large));
    assert_eq!(get(store, "empty").as_deref(), Some(""));
}
