use futures_util::FutureExt;

use crate::checkpoint::MemoryStore;

use super::*;

const KEY: [u8; 1] = [1];

fn update(lazy: bool, value: u8) -> Update {
    let mut update = if lazy { Update::lazy() } else { Update::new() };
    update.put(
        Space::Partitions,
        keys::topic(&"l".into(), &"t".into()),
        vec![value],
    );
    update
}

fn line() -> (MemoryStore, JournalQueue) {
    let line = JournalQueue::new("l".into());
    line.begin(None);
    line.open(5);
    (MemoryStore::new(), line)
}

fn revision(term: u64, number: u64) -> Revision {
    Revision { term, number }
}

#[tokio::test]
async fn what_is_depended_on_is_durable_when_both_have_it() {
    let (disk, line) = line();
    let mut committed = line.commit(&disk, update(false, 1));
    assert!((&mut committed).now_or_never().is_none());
    assert_eq!(
        stored_revision(&disk, &"l".into()).unwrap(),
        Some(revision(5, 1))
    );
    let group = line.take();
    assert_eq!(group.revision, Some(revision(5, 1)));
    assert_eq!(group.changes.len(), 1, "the revision is the head's");
    group.resolve();
    committed.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_has_time_gathers_and_the_newest_value_counts() {
    let (disk, line) = line();
    for value in 1..=3 {
        line.commit(&disk, update(true, value)).await.unwrap();
    }
    let begun = Instant::now();
    line.due().await;
    assert_eq!(begun.elapsed(), LAZY);
    let group = line.take();
    let values: Vec<_> = group.changes.into_values().collect();
    assert_eq!(
        (values, group.revision),
        (vec![Some(vec![3])], Some(revision(5, 3)))
    );
    assert!(line.due().now_or_never().is_none(), "nothing is left");
}

#[tokio::test(start_paused = true)]
async fn what_is_in_a_hurry_takes_along_what_came_before() {
    let (disk, line) = line();
    let mut early = Update::lazy();
    early.put(
        Space::Topics,
        keys::topic(&"l".into(), &"t".into()),
        vec![1],
    );
    line.commit(&disk, early).await.unwrap();
    let late = line.commit(&disk, update(false, 2));
    line.due().now_or_never().expect("it is due");
    let group = line.take();
    assert_eq!(group.changes.len(), 2);
    group.resolve();
    late.await.unwrap();
}

#[tokio::test]
async fn nothing_is_stored_for_a_link_that_another_process_owns() {
    let (disk, line) = line();
    let waiting = line.commit(&disk, update(false, 1));
    line.close("another process took the link over");
    let error = waiting.await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.message().contains("took the link over"), "{error}");
    let error = line.commit(&disk, update(true, 2)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    let stored = disk.scan(Space::Partitions, &[], 9).unwrap();
    assert_eq!(stored[0].1, [1]);
    line.begin(Some(revision(9, 4)));
    assert!(line.take().changes.is_empty(), "what waited is forgotten");
    line.open(10);
    line.commit(&disk, update(true, 2)).await.unwrap();
    assert_eq!(line.take().revision, Some(revision(10, 1)));
}

#[tokio::test]
async fn an_operator_needn_t_wait_for_the_target() {
    let (disk, line) = line();
    let mut pause = Update::new();
    pause.put(Space::Links, keys::link(&"l".into()), KEY.to_vec());
    line.commit(&disk, pause).await.unwrap();
    assert_eq!(line.take().changes.len(), 1);
}

/// A decision comes with its entry in the audit log, and the partition resumes by it.
#[tokio::test]
async fn what_is_depended_on_waits_for_the_journal_also_with_an_audit_entry() {
    let (disk, line) = line();
    let mut decision = update(false, 1);
    decision.put(Space::Audit, keys::link(&"l".into()), KEY.to_vec());
    let mut committed = line.commit(&disk, decision).now_or_never();
    assert!(committed.take().is_none(), "not in the journal yet");
}

#[tokio::test]
async fn what_is_too_large_for_the_journal_is_refused_by_name_and_stored_nowhere() {
    let (disk, line) = line();
    let mut large = update(false, 1);
    let key = keys::group_snapshot(&"l".into());
    large.put(Space::Groups, &key, vec![0; VALUE_LIMIT + 1]);
    let error = line.commit(&disk, large).await.unwrap_err();
    assert!(
        error.message().contains("(key \\x06\\x01\\x00\\x01l)"),
        "{error}"
    );
    assert!(disk.scan(Space::Partitions, &[], 9).unwrap().is_empty());
    let group = line.take();
    assert_eq!((group.changes.len(), group.revision), (0, None));
    let changes = vec![(Space::Groups.full_key(&key), Some(vec![0; VALUE_LIMIT + 1]))];
    let error = line.supplement(changes, None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    let mut largest = Update::lazy();
    largest.put(Space::Groups, &key, vec![0; VALUE_LIMIT]);
    line.commit(&disk, largest).await.unwrap();
    assert_eq!(line.take().changes.len(), 1);
}

#[tokio::test]
async fn what_the_first_layout_kept_is_removed_from_the_journal_too() {
    let (disk, line) = line();
    let mut renewed = update(true, 1);
    renewed.delete(Space::Operations, "20260101T000000Z-0");
    renewed.delete(Space::Plans, "20260101T000000Z-0");
    line.commit(&disk, renewed).await.unwrap();
    let removed: Vec<_> = line
        .take()
        .changes
        .into_iter()
        .filter(|it| it.1.is_none())
        .collect();
    let key = Space::Operations.full_key(b"20260101T000000Z-0");
    assert_eq!(removed, [(key, None)]);
}
