//! Golden data: checkpoint DBs and journals made by released versions are read by this one, record by record.
//!
//! `tests/golden/README.md` describes how they are made, and `tests/golden/history.rs` what their sources hold.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use farshore::checkpoint::documents::DocumentKind;
use farshore::checkpoint::intents::load_intents;
use farshore::checkpoint::records::{
    first_look, group_offsets_of, links, load_link, load_partition, topics_of,
};
use farshore::checkpoint::snapshots::load_snapshot;
use farshore::checkpoint::{
    DiskStore, GroupRecord, MemoryStore, PartitionKey, PartitionRecord, Store, StoredRuns, Update,
    dump, inspect,
};
use farshore::failover::operation::{Operation, read_operation, read_plan};
use farshore::failover::states::Phase;
use farshore::journal::{Contents, rebuild};
use farshore::model::{
    GroupId, Intent, LinkName, OffsetsMode, SourceOffset, TargetOffset, TopicPartition,
};
use farshore::offsets::{Lookup, RunMap};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::history::{GROUPS, STILL, committed_at, end, visible};

/// The links of the data: translated offsets, preserved ones, and paused.
const LINKS: [&str; 3] = ["paris-oslo", "preserved", "paused"];

fn data(layout: u16) -> PathBuf {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    all.join(format!("layout-{layout}"))
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A copy of a golden DB, opened.
fn db(layout: u16) -> (TempDir, DiskStore) {
    let directory = tempfile::tempdir().unwrap();
    for file in fs::read_dir(data(layout).join("db")).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let name = name.strip_suffix(".gz").unwrap();
        fs::write(directory.path().join(name), unpacked(&file.path())).unwrap();
    }
    let store = DiskStore::open(directory.path()).unwrap();
    (directory, store)
}

/// A record of a journal, in hexadecimal.
#[derive(Deserialize)]
struct Record {
    key: String,
    value: Option<String>,
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2);
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    pairs.map(byte).collect()
}

/// A golden journal.
fn journal(layout: u16, link: &str) -> Contents {
    let lines = unpacked(&data(layout).join(format!("journal.{link}.jsonl.gz")));
    let lines = String::from_utf8(lines).unwrap();
    let records = lines.lines().map(|line| {
        let Record { key, value } = serde_json::from_str(line).unwrap();
        (unhex(&key), value.map(|value| unhex(&value)))
    });
    Contents::of_records(records).unwrap()
}

#[tokio::test]
async fn a_golden_db_is_read_as_what_its_maker_says_and_written_on() {
    // What readers the data needs, in the first layout and in that of today.
    for (layout, oldest_reader) in [(1, "1"), (2, "2")] {
        let (directory, store) = db(layout);
        let made = store.mark().unwrap();
        assert_eq!(made.layout.to_string(), layout.to_string());
        assert_eq!(made.oldest_reader.to_string(), oldest_reader);
        let mut read = Vec::new();
        dump::write(&dump::entries(&store, None).unwrap(), &mut read).unwrap();
        let said = unpacked(&data(layout).join("export.jsonl.gz"));
        assert!(read == said, "an export isn't what the DB's maker exported");
        let found = inspect::inspect(&store).unwrap();
        assert_eq!(
            (found.links, found.partitions, found.problems),
            (3, 3, vec![])
        );
        holds_everything(layout, &store);
        let plans = all_operations(layout, &store);
        let plan = read_plan(&store, &plans.last().unwrap().id)
            .unwrap()
            .unwrap();
        assert_eq!(plan.blockers, []);

        store.commit(Update::new()).await.unwrap();
        drop(store);
        let store = DiskStore::open(directory.path()).unwrap();
        let mark = store.mark().unwrap();
        assert_eq!(mark.layout.to_string(), "3");
        assert_eq!(mark.oldest_reader.to_string(), oldest_reader);
        holds_everything(layout, &store);
    }
}

#[tokio::test]
async fn golden_journals_make_the_golden_db() {
    for layout in [1, 2] {
        let (_directory, store) = db(layout);
        let rebuilt = MemoryStore::new();
        for link in LINKS {
            let journal = journal(layout, link);
            let link = LinkName::new(link);
            let count = rebuild(&rebuilt, &link, journal).await.unwrap();
            assert!(count > 2, "{count} entries of {link}");
            let entries = |store: &dyn Store| dump::entries(store, Some(&link)).unwrap();
            assert_eq!(
                entries(&rebuilt),
                entries(&store),
                "{link} of layout {layout}"
            );
        }
        holds_everything(layout, &rebuilt);
    }
}

/// Checks that everything the maker put into the data is present.
fn holds_everything(layout: u16, store: &dyn Store) {
    let names: Vec<_> = links(store)
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let mut wanted = LINKS.map(LinkName::new);
    wanted.sort();
    assert_eq!(names, wanted);
    for (link, topic) in [
        ("paris-oslo", "orders"),
        ("preserved", "same"),
        ("paused", "still"),
    ] {
        let record = load_link(store, &link.into()).unwrap().unwrap();
        // The present layout keeps what the first look found instead, and forgets each topic that has a record.
        assert_eq!(record.initialized, layout == 1);
        let looked = first_look(store, &link.into()).unwrap();
        assert_eq!(looked, (layout > 1).then(BTreeMap::new));
        assert_eq!(record.paused, link == "paused");
        let intents = load_intents(store, &link.into()).unwrap();
        assert_eq!(intents.of_link() == Intent::Paused, link == "paused");
        let topics = topics_of(store, &link.into()).unwrap();
        assert_eq!(topics.len(), 1);
        let (name, record) = &topics[0];
        assert_eq!(
            (name.as_str(), record.mirror_topic.as_str()),
            (topic, topic)
        );
        assert!(record.created && record.source_topic_id.is_known());
        assert!(record.reseeded.is_none() && record.initial_partitions == 1);
    }
    translates(store);
    preserves(store);
    groups_were_carried(layout, store);
    an_operation_is_committing(layout, store);
}

fn partition(store: &dyn Store, link: &str, topic: &str) -> (PartitionKey, PartitionRecord) {
    let key = PartitionKey::new(&link.into(), &TopicPartition::new(topic, 0));
    let record = load_partition(store, &key).unwrap().unwrap();
    assert!(record.target_topic_id.is_known() && record.source_topic_id.is_known());
    assert_eq!((record.origin, record.incarnation), (SourceOffset(0), 0));
    (key, record)
}

fn number(of: usize) -> i64 {
    i64::try_from(of).unwrap()
}

/// The map of a partition, extended to what was acknowledged, as the program does.
fn map(store: &dyn Store, key: &PartitionKey, record: &PartitionRecord) -> RunMap {
    let stored = StoredRuns::new(store, key);
    let mut map = stored.load(record.origin, TargetOffset(0)).unwrap();
    if map.target_end() < record.acked_end {
        map.extend_last_to(record.acked_end).unwrap();
    }
    map
}

fn translates(store: &dyn Store) {
    let (key, record) = partition(store, "paris-oslo", "orders");
    let shown = visible();
    assert_eq!(record.offsets, OffsetsMode::Translate);
    assert_eq!(record.frontier, SourceOffset(end()));
    assert_eq!(record.acked_end, TargetOffset(number(shown.len())));
    let map = map(store, &key, &record);
    assert!(map.run_count() > 8, "{} runs", map.run_count());
    let blocks = StoredRuns::new(store, &key);
    for (target, source) in (0..).zip(shown) {
        let (source, target) = (SourceOffset(source), TargetOffset(target));
        assert_eq!(
            map.to_target(source, &blocks).unwrap(),
            Lookup::Exact(target)
        );
        assert_eq!(
            map.to_source(target, &blocks).unwrap(),
            Lookup::Exact(source)
        );
    }
}

fn preserves(store: &dyn Store) {
    let (key, record) = partition(store, "preserved", "same");
    assert_eq!(record.offsets, OffsetsMode::Preserve);
    assert_eq!(record.frontier, SourceOffset(end()));
    let map = map(store, &key, &record);
    assert_eq!(map.run_count(), 1);
    assert_eq!(map.target_end(), TargetOffset(end()));

    let (_, record) = partition(store, "paused", "still");
    assert_eq!(record.offsets, OffsetsMode::Translate);
    assert_eq!(
        (record.frontier, record.acked_end),
        (SourceOffset(STILL), TargetOffset(STILL))
    );
}

/// The groups of the last move in order, each with the index of its committed offset among the visible records.
fn groups(layout: u16, store: &dyn Store) -> Vec<(GroupId, i64)> {
    let move_of_groups = all_operations(layout, store).len() - 1;
    let group = |at: usize| GroupId::new(format!("team{move_of_groups}-{at:02}"));
    (0..GROUPS).map(|at| (group(at), number(at))).collect()
}

fn groups_were_carried(layout: u16, store: &dyn Store) {
    let link = "paris-oslo".into();
    let snapshot = load_snapshot(store, &link).unwrap().unwrap();
    let orders = TopicPartition::new("orders", 0);
    assert_eq!(snapshot.ends, [(orders.clone(), end())]);
    assert!(snapshot.taken_at_ms > 0);
    for (group, place) in groups(layout, store) {
        let source = committed_at(usize::try_from(place).unwrap());
        let picture = (group.clone(), orders.clone(), source, Some(String::new()));
        assert!(snapshot.offsets.contains(&picture), "{group}: {snapshot:?}");
        let carried = group_offsets_of(store, &link, Some(&group)).unwrap();
        // A record without a partition holds the group's operation; it sorts before those of topics.
        let [(nowhere, kept), (at, record)] = &carried[..] else {
            panic!("{carried:?}");
        };
        assert_eq!(*nowhere, (group.clone(), TopicPartition::new("", -1)));
        let operation = all_operations(layout, store).pop().unwrap();
        assert!(kept.released && kept.metadata == Some(operation.id));
        assert_eq!(*at, (group, orders.clone()));
        let wanted = GroupRecord {
            last_written: Some(place),
            intended: None,
            written_at_ms: record.written_at_ms,
            source_offset: source,
            metadata: Some(String::new()),
            released: false,
        };
        assert_eq!(*record, wanted);
        assert!(record.written_at_ms > 0);
    }
}

/// All operations, oldest first.
fn all_operations(layout: u16, store: &dyn Store) -> Vec<Operation> {
    let ids: Vec<String> = if layout == 1 {
        let stored = DocumentKind::Operation.all_of_first_layout(store).unwrap();
        stored.into_iter().map(|(id, _)| id).collect()
    } else {
        let stored = DocumentKind::Operation.all::<Value>(store).unwrap();
        stored.into_iter().map(|(name, _)| name.id).collect()
    };
    let read = |id: &String| read_operation(store, id).unwrap().unwrap();
    ids.iter().map(read).collect()
}

fn an_operation_is_committing(layout: u16, store: &dyn Store) {
    let operation = all_operations(layout, store).pop().unwrap();
    assert_eq!(operation.plan.link.as_str(), "paris-oslo");
    let Phase::Committing { moves } = &operation.phase else {
        panic!("{operation:?}");
    };
    let moves: Vec<_> = moves.iter().collect();
    assert_eq!(moves.len(), GROUPS);
    for ((group, place), moved) in groups(layout, store).into_iter().zip(moves) {
        let source = SourceOffset(committed_at(usize::try_from(place).unwrap()));
        assert_eq!(
            (&moved.group, moved.partition.topic.as_str()),
            (&group, "orders")
        );
        assert_eq!((moved.source_offset, moved.stands_for), (source, source));
        assert_eq!(
            (moved.target_offset, moved.exact),
            (TargetOffset(place), true)
        );
    }
}
