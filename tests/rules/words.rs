//! Words that the sources must not contain, each with its reason, and headers that they must.

use super::source::{Source, Violation};

/// A word, where it is banned, and why.
type Ban = (&'static str, fn(&Source) -> bool, &'static str);

const LIMITS: &str = "everything has a limit";
const OWNERS: &str = "every task has an owner: task::Supervisor or task::Owned";
const CONDITIONS: &str =
    "wait for a condition (support::wait::eventually), or let virtual time pass (task::testing)";
const THREADS: &str = "a thread may have other tasks to run";
const FINISHED: &str = "what is there is finished";
const PROTOCOL: &str = "only `kafka` knows the protocol";

const BANS: &[Ban] = &[
    ("unbounded_channel", everywhere, LIMITS),
    ("UnboundedSender", everywhere, LIMITS),
    ("UnboundedReceiver", everywhere, LIMITS),
    ("unbounded", everywhere, LIMITS),
    ("mpsc::channel()", everywhere, LIMITS),
    ("tokio::spawn", outside_task, OWNERS),
    ("task::spawn", outside_task, OWNERS),
    ("spawn_local", outside_task, OWNERS),
    ("thread::sleep", where_others_wait, THREADS),
    ("sleep", test, CONDITIONS),
    ("sleep_until", test, CONDITIONS),
    ("todo!", everywhere, FINISHED),
    ("unimplemented!", everywhere, FINISHED),
    ("#[ignore", everywhere, FINISHED),
    ("kafka_protocol", product_outside_kafka, PROTOCOL),
    ("rdkafka", product_outside_kafka, PROTOCOL),
];

fn everywhere(_: &Source) -> bool {
    true
}

fn outside_task(source: &Source) -> bool {
    !source.path.starts_with("src/task/")
}

/// Not the commands of the CLI, which run one after another on their own thread, and not the opening of the DB, which
/// blocks anyway.
fn where_others_wait(source: &Source) -> bool {
    let blocks = ["src/cli/", "src/checkpoint/disk/opening.rs"];
    source.is_test() || !blocks.iter().any(|it| source.path.starts_with(it))
}

fn test(source: &Source) -> bool {
    let waits = ["tests/support/wait.rs", "src/task/testing.rs"];
    source.is_test() && !waits.contains(&source.path.as_str())
}

fn product_outside_kafka(source: &Source) -> bool {
    source.path.starts_with("src/") && !source.path.starts_with("src/kafka/")
}

/// Banned words in a file.
pub(crate) fn bans(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (word, applies, reason) in BANS {
        if applies(source) {
            for position in source.occurrences(word) {
                violations.push(source.at(position, &format!("`{word}`: {reason}")));
            }
        }
    }
    violations
}

/// Files that don't begin with a description. The tests of a module are introduced by it.
pub(crate) fn headers(source: &Source) -> Vec<Violation> {
    let excused = source.path.starts_with("src/") && source.is_test();
    let missing = !excused && !source.text.starts_with("//! ");
    missing
        .then(|| source.at(0, "no `//!` on the first line"))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banned(path: &str, text: &str) -> usize {
        bans(&Source::new(path, text)).len()
    }

    #[test]
    fn every_banned_word_is_found() {
        for (word, applies, _) in BANS {
            let path = ["src/api/mod.rs", "tests/bed.rs"]
                .into_iter()
                .find(|path| applies(&Source::new(path, "")))
                .expect("a place it is banned from");
            assert_ne!(banned(path, &format!("a({word})")), 0, "{word}");
        }
    }

    #[test]
    fn where_a_word_belongs_it_may_stand() {
        assert_eq!(banned("src/task/owned.rs", "tokio::spawn(f)"), 0);
        assert_eq!(
            banned("tests/support/wait.rs", "tokio::time::sleep(POLL)"),
            0
        );
        assert_eq!(banned("src/task/backoff.rs", "tokio::time::sleep(d)"), 0);
        assert_eq!(banned("src/task/testing.rs", "tokio::time::sleep(d)"), 0);
        assert_eq!(banned("src/api/tests/moves.rs", "tokio::time::sleep(d)"), 1);
        assert_eq!(
            banned("src/kafka/client/pool.rs", "use kafka_protocol::messages;"),
            0
        );
        assert_eq!(banned("tests/bed.rs", "use rdkafka::ClientConfig;"), 0);
        assert_eq!(banned("src/api/mod.rs", "mpsc::channel(16)"), 0);
        assert_eq!(
            banned("src/api/mod.rs", "// todo! sleep \n\"unbounded\""),
            0
        );
    }

    #[test]
    fn a_file_without_a_header_is_found() {
        assert_eq!(headers(&Source::new("src/a.rs", "use b;")).len(), 1);
        assert_eq!(headers(&Source::new("src/a.rs", "//! Does a.")).len(), 0);
        assert_eq!(headers(&Source::new("src/a/tests.rs", "use b;")).len(), 0);
    }
}
