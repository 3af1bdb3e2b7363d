mod difference;

use super::*;
use crate::checkpoint::snapshots::{load_snapshot, renew_snapshot};
use crate::checkpoint::testing::FailingStore;
use crate::checkpoint::{GroupSnapshot, MemoryStore};
use crate::model::{GroupId, TopicPartition};

fn renew(store: &dyn Store, link: &LinkName) -> Result<Update> {
    let mut update = Update::new();
    renew_snapshot(&mut update, store, link)?;
    Ok(update)
}

#[tokio::test]
async fn only_what_no_journal_takes_is_renewed_before_the_journal_is_completed() {
    let link = LinkName::new("l");
    for (offsets, is_renewed) in [(10, false), (160_000, true)] {
        let offset = |number: i32| {
            let at = TopicPartition::new("topic", number);
            (GroupId::new("group"), at, i64::from(number), None)
        };
        let former = GroupSnapshot {
            taken_at_ms: 1,
            offsets: (0..offsets).map(offset).collect(),
            ends: Vec::new(),
        };
        let store = MemoryStore::new();
        let mut update = Update::new();
        let value = serde_json::to_vec(&former).unwrap();
        update.put(Space::Groups, keys::group_snapshot(&link), value);
        store.commit(update).await.unwrap();
        let revision = renewed(&store, &link, 7, renew).await.unwrap();
        let expected = is_renewed.then_some(Revision { term: 7, number: 1 });
        assert_eq!(revision, expected);
        assert_eq!(stored_revision(&store, &link).unwrap(), expected);
        assert!(load_snapshot(&store, &link).unwrap() == Some(former));
        let entries = entries_of(&store, &link).unwrap();
        assert!(!entries.values().any(|value| is_too_large(value)));
        // Chunks, their head, and the requirement on readers.
        assert_eq!(entries.len(), if is_renewed { 162 } else { 1 });
    }
}

#[tokio::test]
async fn a_db_that_is_half_filled_gives_way_to_the_journal() {
    let (link, revision) = (LinkName::new("l"), Revision { term: 3, number: 9 });
    let change = |number: u16| {
        let key = [keys::link(&link), number.to_be_bytes().to_vec()].concat();
        (Space::Partitions.full_key(&key), Some(vec![1]))
    };
    let changes: Vec<Change> = (0..2_500).map(change).collect();
    for stored in 0..=5 {
        let store = FailingStore::default();
        let mut former = Update::new();
        put_revision(&mut former, &link, Revision { term: 9, number: 1 });
        store.commit(former).await.unwrap();
        store.fail_after(stored);
        let taken_over = take_over(&store, &link, changes.clone(), Some(revision)).await;
        assert_eq!(taken_over.is_ok(), stored == 5);
        let expected = match stored {
            0 => Some(Revision { term: 9, number: 1 }),
            5 => Some(revision),
            _ => None,
        };
        assert_eq!(stored_revision(&store, &link).unwrap(), expected);
        // Also compared with a journal that was filled from a DB without a revision.
        let towards = revision_of(&store, &link, Some(Revision::BEFORE));
        assert_eq!(towards.unwrap(), expected);
        let count = entries_of(&store, &link).unwrap().len();
        assert_eq!(count, (1_000 * stored.saturating_sub(1)).min(2_500));
    }
}
