use super::*;
use crate::checkpoint::snapshots::put_snapshot;
use crate::checkpoint::{GroupSnapshot, MemoryStore, Update};
use crate::journal::acquire::claim;
use crate::journal::testing::{self, journal};
use crate::model::{LinkName, TopicPartition};

fn head(term: u64, claim: u64) -> Head {
    testing::head("db", term, claim)
}

#[test]
fn whoever_claimed_a_term_of_its_own_or_the_same_one_ends_this_one() {
    let own = head(3, 7);
    let mine = |heads: &[Head]| is_mine(heads, &own).is_ok();
    assert!(mine(&[]));
    let renewed = Head {
        released: true,
        ..own.clone()
    };
    assert!(mine(&[own.clone(), renewed]));
    for other in [head(4, 8), head(4, 7), head(3, 8), head(2, 6)] {
        assert!(!mine(std::slice::from_ref(&other)));
        assert!(!mine(&[own.clone(), other, own.clone()]));
    }
}

/// A broker may have forgotten the terms, and a lease that lapsed may be another's by now.
#[tokio::test]
async fn a_lapsed_lease_is_renewed_only_after_a_look_at_who_wrote_last() {
    for (other, is_taken) in [(None, false), (Some(head(4, 8)), true)] {
        let (log, _cluster, topic) = journal().await;
        let (line, own) = (Arc::new(JournalQueue::new("l".into())), head(3, 7));
        let claimed_at = claim(&topic, &line, &own).await.unwrap().unwrap();
        let mut place = AppendCursor::behind_claim(&topic, claimed_at);
        if let Some(other) = other {
            claim(&topic, &line, &other).await.unwrap().unwrap();
        }
        let before = log.end();
        let batch = build(&line, &own, &[], place.sequence()).unwrap();
        let appended = place.append(&batch, &own, true).await;
        let why = appended.err().map(|failed| failed.why);
        assert_eq!(why, is_taken.then_some(AppendFailure::Fenced));
        assert_eq!(log.end() - before, i64::from(!is_taken));
    }
}

fn snapshot(taken_at_ms: i64) -> GroupSnapshot {
    let offset = |number| {
        let at = TopicPartition::new("t", number);
        ("g".into(), at, taken_at_ms, None)
    };
    GroupSnapshot {
        taken_at_ms,
        offsets: (0..2_500).map(offset).collect(),
        ends: Vec::new(),
    }
}

/// Wherever it breaks off, the former list or the new one is whole.
#[tokio::test]
async fn chunks_are_appended_before_their_head_and_former_ones_removed_behind_it() {
    let name = LinkName::new("l");
    let (log, _cluster, topic) = journal().await;
    let (disk, line) = (
        MemoryStore::new(),
        Arc::new(JournalQueue::new(name.clone())),
    );
    let own = head(3, 7);
    let claimed_at = claim(&topic, &line, &own).await.unwrap().unwrap();
    line.begin(None);
    line.open(3);
    let mut writer = JournalWriter {
        place: AppendCursor::behind_claim(&topic, claimed_at),
        line: Arc::clone(&line),
        ownership: Ownership::permanent(),
        head: own,
        trouble: watch::Sender::default(),
    };
    for number in [1, 2] {
        let mut update = Update::new();
        put_snapshot(&mut update, &disk, &name, &snapshot(number)).unwrap();
        let committed = line.commit(&disk, update);
        let before = log.records().len();
        writer.append_all(line.take(), false).await.unwrap();
        committed.await.unwrap();
        let written = log.records().split_off(before);
        let entries = written
            .iter()
            .map(|it| (it.key.clone().unwrap(), &it.value));
        let entries = entries.filter(|(key, _)| *key != Head::key());
        let places: Vec<_> = entries
            .map(|(key, value)| keys::place_among_changes(&key, value.is_none()))
            .collect();
        assert!(places.is_sorted() && places.len() > 3, "{places:?}");
    }
}
