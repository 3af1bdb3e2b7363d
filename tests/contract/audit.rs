//! The audit log: by link and number, in order over all links, and bounded.

use std::sync::Arc;

use farshore::checkpoint::audit::AuditLog;
use farshore::checkpoint::{Space, Store, Update};
use farshore::model::LinkName;
use serde_json::{Value, json};

/// The number of entries kept per link.
const KEPT: usize = 10_000;

fn link(name: &str) -> LinkName {
    LinkName::new(name)
}

async fn append(store: &dyn Store, log: &AuditLog, link: Option<&LinkName>, entry: Value) -> u64 {
    let mut update = Update::new();
    let number = log.append(&mut update, link, &entry);
    store.commit(update).await.unwrap();
    number
}

fn keys(store: &dyn Store) -> usize {
    store.scan(Space::Audit, &[], usize::MAX).unwrap().len()
}

#[tokio::test]
async fn the_log_goes_on_after_a_restart_and_over_missing_numbers() {
    for given in [crate::store::memory(), crate::store::disk()] {
        let (one, other) = (link("a"), link("ab"));
        let log = AuditLog::open(Arc::clone(&given.store)).unwrap();
        assert_eq!(log.latest(5).unwrap(), []);
        let mut update = Update::new();
        assert_eq!(log.append(&mut update, Some(&one), &json!("a")), 0);
        let mut lost = Update::new();
        assert_eq!(
            log.append(&mut lost, Some(&one), &json!("never committed")),
            1
        );
        assert_eq!(log.append(&mut update, Some(&other), &json!("b")), 2);
        assert_eq!(log.append(&mut update, None, &json!("of no link")), 3);
        given.store.commit(update).await.unwrap();
        let latest = [(3, json!("of no link")), (2, json!("b")), (0, json!("a"))];
        assert_eq!(log.latest(5).unwrap(), latest);

        let reopened = AuditLog::open(Arc::clone(&given.store)).unwrap();
        assert_eq!(
            append(&*given.store, &reopened, Some(&one), json!("c")).await,
            4
        );
        assert_eq!(
            reopened.latest(2).unwrap(),
            [(4, json!("c")), (3, json!("of no link"))]
        );
    }
}

#[tokio::test]
async fn entries_of_the_first_layout_are_still_shown_and_numbers_go_on_behind_them() {
    let given = crate::store::disk();
    let mut update = Update::new();
    for number in 0..3_u64 {
        let entry = json!({ "link": "a", "number": number });
        update.put(
            Space::Audit,
            number.to_be_bytes(),
            serde_json::to_vec(&entry).unwrap(),
        );
    }
    given.store.commit(update).await.unwrap();
    let log = AuditLog::open(Arc::clone(&given.store)).unwrap();
    assert_eq!(
        append(&*given.store, &log, Some(&link("a")), json!("new")).await,
        3
    );
    let numbers: Vec<u64> = log.latest(9).unwrap().into_iter().map(|it| it.0).collect();
    assert_eq!(numbers, [3, 2, 1, 0]);
    let numbers: Vec<u64> = log.latest(2).unwrap().into_iter().map(|it| it.0).collect();
    assert_eq!(numbers, [3, 2]);
}

#[tokio::test]
async fn what_another_process_wrote_of_a_link_is_not_overwritten_and_is_shown_by_its_time() {
    let given = crate::store::memory();
    let at = |minute: u32| json!({ "at": format!("2026-01-31T17:{minute:02}:00Z") });
    let log = AuditLog::open(Arc::clone(&given.store)).unwrap();
    assert_eq!(
        append(&*given.store, &log, Some(&link("a")), at(10)).await,
        0
    );
    // The journal returns what the owner of another link wrote before.
    let other = AuditLog::open(crate::store::memory().store).unwrap();
    let mut update = Update::new();
    for minute in [1, 2, 20] {
        other.append(&mut update, Some(&link("b")), &at(minute));
    }
    given.store.commit(update).await.unwrap();
    assert_eq!(
        append(&*given.store, &log, Some(&link("b")), at(30)).await,
        3
    );
    let shown: Vec<Value> = log.latest(9).unwrap().into_iter().map(|it| it.1).collect();
    assert_eq!(shown, [30, 20, 10, 2, 1].map(at));
}

#[tokio::test]
async fn the_newest_ten_thousand_entries_of_each_link_are_kept() {
    let given = crate::store::memory();
    let store = &*given.store;
    let (busy, quiet) = (link("busy"), link("quiet"));
    let log = AuditLog::open(Arc::clone(&given.store)).unwrap();
    for number in 0..KEPT + 500 {
        // Updates that are never committed take numbers but no place.
        log.append(&mut Update::new(), Some(&busy), &json!("lost"));
        append(store, &log, Some(&busy), json!(number)).await;
        if number % 1_000 == 0 {
            append(store, &log, Some(&quiet), json!("quiet")).await;
        }
    }
    assert_eq!(keys(store), KEPT + 11);
    let of_busy: Vec<_> = log
        .latest(usize::MAX)
        .unwrap()
        .into_iter()
        .map(|it| it.1)
        .collect();
    let of_busy = of_busy
        .iter()
        .filter_map(Value::as_u64)
        .map(|it| usize::try_from(it).unwrap());
    assert!(of_busy.eq((500..KEPT + 500).rev()));

    // Another process continues.
    let log = AuditLog::open(Arc::clone(&given.store)).unwrap();
    for _ in 0..3 {
        append(store, &log, Some(&busy), json!("next")).await;
    }
    assert_eq!(keys(store), KEPT + 11);
    let latest = log.latest(4).unwrap().into_iter().map(|it| it.1);
    assert!(latest.eq([
        json!("next"),
        json!("next"),
        json!("next"),
        json!(KEPT + 499)
    ]));
}
