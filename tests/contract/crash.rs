//! A process that writes the checkpoint DB is killed repeatedly: nothing it acknowledged may be missing, and no update may
//! be partially applied.
//!
//! The writer is this test binary itself, started with a directory in its environment. Its whole state is a function of the
//! number of updates applied, so after each kill the parent reads the number and compares everything with the expected
//! state.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use farshore::checkpoint::{DiskStore, Space, Store, Update};

const DIRECTORY: &str = "FARSHORE_CRASH_DIRECTORY";
const KILLS: usize = 300;
/// The number of updates the writer has in flight.
const AT_ONCE: usize = 8;
const SPACES: [Space; 3] = [Space::Meta, Space::Partitions, Space::Runs];

#[test]
fn a_killed_writer_loses_nothing_it_was_promised() {
    match std::env::var_os(DIRECTORY) {
        Some(directory) => write_until_killed(Path::new(&directory)),
        None => kill_again_and_again(),
    }
}

/// The changes of update number `n`: a counter, a few overwritten values, one new value and one removed.
fn changes(n: u64) -> Vec<(Space, Vec<u8>, Option<Vec<u8>>)> {
    let mut random = fastrand::Rng::with_seed(n);
    let mut changes = vec![(
        Space::Meta,
        b"count".to_vec(),
        Some(n.to_be_bytes().to_vec()),
    )];
    for space in [Space::Partitions, Space::Runs] {
        let size = 1 << random.u32(0..14);
        let value = (0..size).map(|_| random.u8(..)).collect();
        changes.push((space, vec![0, random.u8(..40)], Some(value)));
    }
    changes.push((
        Space::Runs,
        (n + 1000).to_be_bytes().to_vec(),
        Some(vec![1; 40]),
    ));
    changes.push((Space::Runs, (n + 990).to_be_bytes().to_vec(), None));
    changes
}

fn write_until_killed(directory: &Path) {
    let store = DiskStore::open(directory).unwrap();
    let start = count(&store) + 1;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut lined_up = std::collections::VecDeque::new();
    println!("\nready");
    for n in start.. {
        let mut update = Update::new();
        for (space, key, value) in changes(n) {
            match value {
                Some(value) => update.put(space, key, value),
                None => update.delete(space, key),
            }
        }
        lined_up.push_back((n, store.commit(update)));
        if lined_up.len() == AT_ONCE {
            let (durable, committed) = lined_up.pop_front().unwrap();
            runtime.block_on(committed).unwrap();
            println!("durable {durable}");
            std::io::stdout().flush().unwrap();
        }
    }
}

fn kill_again_and_again() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut expected = Expected::default();
    let mut promised = 0;
    for _ in 0..KILLS {
        let (mut child, mut lines) = start_writer(directory.path());
        if random.u8(..5) == 0 {
            // While it opens the DB.
            spin(Duration::from_micros(random.u64(..20_000)));
        } else {
            let acknowledged = random.usize(..30);
            lines
                .by_ref()
                .take(acknowledged)
                .for_each(|n| promised = promised.max(n));
            spin(Duration::from_micros(random.u64(..3_000)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lines.for_each(|n| promised = promised.max(n));

        let store = DiskStore::open(directory.path()).unwrap();
        let count = count(&store);
        assert!(
            count >= promised,
            "{promised} was promised, {count} is there"
        );
        expected.advance_to(count);
        assert_eq!(everything(&store), expected.entries, "after update {count}");
    }
    assert!(promised > 1000, "only {promised} updates in {KILLS} rounds");
}

/// Starts a writer. Returns it and the numbers it reports as durable.
fn start_writer(directory: &Path) -> (Child, impl Iterator<Item = u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "crash::a_killed_writer_loses_nothing_it_was_promised",
        ])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let numbers = numbers(child.stdout.take().unwrap());
    (child, numbers)
}

fn numbers(stdout: ChildStdout) -> impl Iterator<Item = u64> {
    let lines = BufReader::new(stdout).split(b'\n').map(Result::unwrap);
    lines.filter_map(|line| {
        let number = line.strip_prefix(b"durable ")?;
        std::str::from_utf8(number).ok()?.parse().ok()
    })
}

fn count(store: &DiskStore) -> u64 {
    let count = store.get(Space::Meta, b"count").unwrap();
    count.map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().unwrap()))
}

type Entries = BTreeMap<(Space, Vec<u8>), Vec<u8>>;

fn everything(store: &DiskStore) -> Entries {
    let of = |space| store.scan(space, &[], usize::MAX).unwrap();
    SPACES
        .into_iter()
        .flat_map(|space| {
            of(space)
                .into_iter()
                .map(move |(key, value)| ((space, key), value))
        })
        .collect()
}

#[derive(Debug, Default)]
struct Expected {
    count: u64,
    entries: Entries,
}

impl Expected {
    fn advance_to(&mut self, count: u64) {
        for n in self.count + 1..=count {
            for (space, key, value) in changes(n) {
                match value {
                    Some(value) => self.entries.insert((space, key), value),
                    None => self.entries.remove(&(space, key)),
                };
            }
        }
        self.count = count;
    }
}

/// Waits precisely, unlike a sleep of a few microseconds.
fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}
