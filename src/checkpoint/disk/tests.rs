use std::{fs, io};

use tempfile::TempDir;

use super::*;
use crate::checkpoint::envelope;
use crate::checkpoint::layout::Layout;
use crate::error::Kind;

async fn filled() -> (TempDir, Vec<Entry>) {
    let directory = tempfile::tempdir().unwrap();
    let store = DiskStore::open(directory.path()).unwrap();
    for number in 0..40_u8 {
        let mut update = Update::new();
        update.put(Space::Meta, [number], vec![number; 3000]);
        store.commit(update).await.unwrap();
    }
    let entries = all(&store);
    assert_eq!(entries.len(), 40);
    (directory, entries)
}

fn all(store: &DiskStore) -> Vec<Entry> {
    store.scan(Space::Meta, &[], usize::MAX).unwrap()
}

fn snapshots(directory: &TempDir) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap();
    let mut found: Vec<_> = paths
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("snap.")
        })
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_directory_in_use_is_named_with_its_user() {
    let (directory, _) = filled().await;
    let _store = DiskStore::open(directory.path()).unwrap();
    let error = DiskStore::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    let text = error.to_string();
    assert!(text.contains(directory.path().to_str().unwrap()), "{text}");
    assert!(text.contains("in use by another farshore"), "{text}");
    assert!(
        text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
}

#[tokio::test]
async fn a_directory_is_free_as_soon_as_its_store_is_dropped() {
    let (directory, entries) = filled().await;
    for _ in 0..10 {
        assert_eq!(all(&DiskStore::open(directory.path()).unwrap()), entries);
    }
}

#[tokio::test]
async fn an_open_waits_for_a_dropped_store_whose_files_are_still_locked() {
    let (directory, entries) = filled().await;
    let held = fs::File::open(directory.path().join("db")).unwrap();
    held.lock().unwrap();
    let (begins, begun) = std::sync::mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| {
            begins.send(()).unwrap();
            DiskStore::open(directory.path()).map(|store| all(&store))
        });
        begun.recv().unwrap();
        std::thread::yield_now();
        drop(held);
        assert_eq!(opening.join().unwrap().unwrap(), entries);
    });
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = DiskStore::open(&file.path().join("inside")).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(
        error.to_string().contains(file.path().to_str().unwrap()),
        "{error}"
    );
}

#[tokio::test]
async fn snapshots_left_by_an_interrupted_process_are_repaired() {
    type Damage = fn(&TempDir);
    let damages: [(&str, Damage); 4] = [
        ("empty unfinished", |directory| {
            fs::write(
                directory.path().join("snap.FFFFFFFFFFFFFFF0.generating"),
                "",
            )
            .unwrap();
        }),
        ("half unfinished", |directory| {
            let whole = fs::read(snapshots(directory).pop().unwrap()).unwrap();
            let unfinished = directory.path().join("snap.FFFFFFFFFFFFFFF0.generating");
            fs::write(unfinished, &whole[..whole.len() / 2]).unwrap();
        }),
        ("half", |directory| {
            let path = snapshots(directory).pop().unwrap();
            let whole = fs::read(&path).unwrap();
            fs::write(path, &whole[..whole.len() / 2]).unwrap();
        }),
        ("empty", |directory| {
            fs::write(snapshots(directory).pop().unwrap(), "").unwrap();
        }),
    ];
    for (name, damage) in damages {
        let (directory, entries) = filled().await;
        // sled writes a snapshot only when it is opened again.
        drop(DiskStore::open(directory.path()).unwrap());
        damage(&directory);
        drop(opening_as_sled_does(&directory).unwrap_err());
        for _ in 0..2 {
            let store = DiskStore::open(directory.path()).expect(name);
            assert_eq!(all(&store), entries, "{name}");
        }
    }
}

/// The tree the store writes to, for planting damage.
fn tree(store: &DiskStore) -> sled::Tree {
    let database = store.database.read();
    database.as_ref().expect("it is open").tree().clone()
}

/// Opens the directory as plain sled does, without the repair.
fn opening_as_sled_does(directory: &TempDir) -> sled::Result<sled::Db> {
    sled::Config::new()
        .path(directory.path())
        .flush_every_ms(None)
        .open()
}

#[tokio::test]
async fn a_damaged_value_is_an_error_and_its_neighbours_are_not() {
    let (directory, _) = filled().await;
    let store = DiskStore::open(directory.path()).unwrap();
    let tree = tree(&store);
    let good = tree.get([0, 8]).unwrap().unwrap();
    let mut flipped = good.to_vec();
    flipped[700] ^= 1;
    let mut newer = envelope::seal(&[0, 4], &good[5..]);
    newer[0] = 2;
    let elsewhere = &good;
    let plant = |key: u8, value: &[u8]| tree.insert([0, key], value).unwrap();
    plant(3, &flipped);
    plant(4, &newer);
    plant(5, elsewhere);
    plant(6, &[1, 2]);
    plant(7, &[]);
    for (key, says) in [
        (3, "checksum"),
        (4, "version 2"),
        (5, "checksum"),
        (6, "checksum"),
        (7, "checksum"),
    ] {
        let error = store.get(Space::Meta, &[key]).unwrap_err();
        assert_eq!(error.kind(), Kind::Store);
        assert!(error.chain().contains(says), "{}", error.chain());
        store.floor(Space::Meta, &[], &[key]).unwrap_err();
    }
    store.scan(Space::Meta, &[], usize::MAX).unwrap_err();
    assert_eq!(store.get(Space::Meta, &[8]).unwrap(), Some(vec![8; 3000]));
    assert_eq!(store.scan(Space::Meta, &[], 3).unwrap().len(), 3);
}

#[tokio::test]
async fn everything_is_read_before_it_is_trusted() {
    type Damage = fn(&sled::Tree);
    let damages: [(&str, Damage); 2] = [
        ("checksum", |tree| {
            tree.insert([0, 3], &[1, 2, 3, 4, 5, 6]).unwrap();
        }),
        ("missing", |tree| {
            tree.remove([0, 3]).unwrap();
        }),
    ];
    for (says, damage) in damages {
        let (directory, _) = filled().await;
        let store = DiskStore::open(directory.path()).unwrap();
        let tree = tree(&store);
        damage(&tree);
        tree.flush().unwrap();
        drop(tree);
        drop(store);
        let error = DiskStore::open(directory.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.chain().contains(says), "{}", error.chain());

        // Where journals can refill it, an empty DB is started and the damaged one is kept.
        let anew = open_or_create(directory.path()).unwrap();
        assert_eq!(anew.scan(Space::Meta, &[], 1).unwrap(), []);
        let mut update = Update::new();
        update.put(Space::Meta, [1], vec![7]);
        anew.commit(update).await.unwrap();
        drop(anew);
        let anew = DiskStore::open(directory.path()).unwrap();
        assert_eq!(all(&anew), [(vec![1], vec![7])]);
    }
}

fn file(directory: &TempDir) -> Vec<u8> {
    fs::read(directory.path().join("db")).unwrap()
}

#[tokio::test]
async fn what_only_later_readers_understand_is_refused_and_left_as_it_is() {
    type Change = fn(&sled::Tree);
    let changes: [(&str, Change); 2] = [
        ("layout 9 for readers of layout 8", |tree| {
            let mark = br#"{"layout":9,"oldest_reader":8}"#;
            let sealed = envelope::seal(b"\xfflayout", mark);
            tree.insert(b"\xfflayout", sealed).unwrap();
            // The rest need not have today's form.
            tree.insert([0, 3], &[9; 9]).unwrap();
        }),
        ("envelope has version 2", |tree| {
            let mut sealed = envelope::seal(&[0, 3], &[3; 5]);
            sealed[0] = 2;
            tree.insert([0, 3], sealed).unwrap();
        }),
    ];
    for (says, change) in changes {
        let (directory, _) = filled().await;
        let store = DiskStore::open(directory.path()).unwrap();
        let tree = tree(&store);
        change(&tree);
        tree.flush().unwrap();
        drop(tree);
        drop(store);
        let before = file(&directory);
        for open in [open, open_or_create] {
            let error = open(directory.path()).unwrap_err();
            assert_eq!(error.kind(), Kind::Refused);
            assert!(error.chain().contains("written by a newer farshore"));
            assert!(error.chain().contains(says), "{}", error.chain());
        }
        assert!(file(&directory) == before, "{says}: the files changed");
        let aside = |entry: io::Result<fs::DirEntry>| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.starts_with("damaged-") || name.starts_with("aside.")
        };
        assert!(!fs::read_dir(directory.path()).unwrap().any(aside));
    }
}

#[tokio::test]
async fn the_mark_changes_with_what_needs_a_later_reader() {
    let directory = tempfile::tempdir().unwrap();
    let store = DiskStore::open(directory.path()).unwrap();
    let mark = |layout, oldest_reader| Mark {
        layout,
        oldest_reader,
    };
    assert_eq!(store.mark().unwrap(), Mark::default());
    let put = async |space, key: &[u8]| {
        let mut update = Update::new();
        update.put(space, key, vec![1]);
        store.commit(update).await.unwrap();
        store.mark().unwrap()
    };
    let written = mark(Layout::CURRENT, Layout::FIRST);
    assert_eq!(put(Space::Links, b"\x00\x01l").await, written);
    let mut update = Update::new();
    update.delete(Space::Links, b"\x00\x01l and more");
    store.commit(update).await.unwrap();
    assert_eq!(store.mark().unwrap(), written);
    let raised = mark(Layout::CURRENT, Layout::CURRENT);
    assert_eq!(put(Space::Links, b"\x00\x01l and more").await, raised);
    assert_eq!(put(Space::Links, b"\x00\x01l").await, raised);
    drop(store);
    let store = DiskStore::open(directory.path()).unwrap();
    assert_eq!(store.mark().unwrap(), raised);
}

#[tokio::test]
async fn a_later_layout_that_this_one_may_read_is_read_and_keeps_its_mark() {
    let (directory, entries) = filled().await;
    let store = DiskStore::open(directory.path()).unwrap();
    let tree = tree(&store);
    let sealed = envelope::seal(b"\xfflayout", br#"{"layout":9,"oldest_reader":3}"#);
    let former = tree.insert(b"\xfflayout", sealed.clone()).unwrap().unwrap();
    let sum = tree.get(sum::KEY).unwrap().unwrap();
    let sum = u64::from_be_bytes(envelope::open(sum::KEY, &sum).unwrap().try_into().unwrap());
    let weight = |sealed: &[u8]| sum::weight(b"\xfflayout", sealed);
    let sum = sum
        .wrapping_sub(weight(&former))
        .wrapping_add(weight(&sealed));
    let sum = envelope::seal(sum::KEY, &sum.to_be_bytes());
    tree.insert(sum::KEY, sum).unwrap();
    tree.flush().unwrap();
    drop((tree, store));
    let store = DiskStore::open(directory.path()).unwrap();
    assert_eq!(all(&store), entries);
    let mut update = Update::new();
    update.put(Space::Meta, [1], vec![7]);
    store.commit(update).await.unwrap();
    assert_eq!(
        serde_json::to_string(&store.mark().unwrap()).unwrap(),
        r#"{"layout":9,"oldest_reader":3}"#
    );
}

#[tokio::test]
async fn what_is_changed_and_removed_leaves_the_sum_right() {
    let (directory, _) = filled().await;
    let store = DiskStore::open(directory.path()).unwrap();
    let mut update = Update::new();
    for key in 0..20 {
        update.put(Space::Meta, [key], vec![key; 5]);
        update.delete(Space::Meta, [key + 10]);
        update.delete(Space::Meta, [99]);
    }
    update.put(Space::Meta, [12], vec![1]);
    store.commit(update).await.unwrap();
    let left = all(&store);
    drop(store);
    assert_eq!(all(&DiskStore::open(directory.path()).unwrap()), left);
}

/// Plain sled may open a damaged file and leave something out. The revision is there to detect that the DB as a whole went
/// back to an earlier state, or to none.
#[tokio::test]
async fn flipped_bits_are_noticed_or_lead_back_to_an_earlier_state() {
    let (directory, entries) = filled().await;
    let file = directory.path().join("db");
    let whole = fs::read(&file).unwrap();
    let written = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..80 {
        let (trial, mut bytes) = (tempfile::tempdir().unwrap(), whole.clone());
        for _ in 0..random.usize(1..4) {
            bytes[random.usize(0..written)] ^= 1 << random.u8(0..8);
        }
        for entry in fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), trial.path().join(entry.file_name())).unwrap();
            }
        }
        fs::write(trial.path().join("db"), bytes).unwrap();
        match DiskStore::open(trial.path()) {
            Ok(store) => {
                let found = all(&store);
                assert!(entries.starts_with(&found), "{} entries", found.len());
            }
            Err(error) => assert_eq!(error.kind(), Kind::Invalid, "{}", error.chain()),
        }
    }
}

#[tokio::test]
async fn files_that_make_no_sense_are_set_aside_where_they_can_be_replaced() {
    for file in ["conf", "db"] {
        let (directory, _) = filled().await;
        fs::write(directory.path().join(file), [0x5a; 5000]).unwrap();
        let token = directory.path().join("a-token");
        fs::write(&token, "kept").unwrap();
        match DiskStore::open(directory.path()).map(|store| all(&store)) {
            Ok(found) => assert_eq!(found, [], "{file}: as if it were new"),
            Err(error) => assert_eq!(error.kind(), Kind::Invalid, "{}", error.chain()),
        }
        let anew = open_or_create(directory.path()).unwrap();
        assert_eq!(anew.scan(Space::Meta, &[], 1).unwrap(), []);
        assert!(token.exists(), "no part of the DB");
    }
}

#[tokio::test]
async fn what_has_failed_is_opened_anew_with_what_was_durable() {
    let (directory, entries) = filled().await;
    let store = DiskStore::open(directory.path()).unwrap();
    let mut failure = store.failure();
    assert_eq!(*failure.borrow_and_update(), None);
    store.failure.send_replace(Some("as if".to_owned()));
    let error = store.get(Space::Meta, &[3]).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(error.chain().contains("as if"), "{}", error.chain());
    store.close();
    store.reopen().unwrap();
    assert!(failure.has_changed().unwrap() && failure.borrow().is_none());
    assert_eq!(all(&store), entries);
    let mut update = Update::new();
    update.put(Space::Meta, [200], vec![7]);
    store.commit(update).await.unwrap();
    drop(store);
    let store = DiskStore::open(directory.path()).unwrap();
    assert_eq!(store.get(Space::Meta, &[200]).unwrap(), Some(vec![7]));
}
