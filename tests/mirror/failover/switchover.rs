//! A switchover between two live sites: it waits until everything is at rest, and nothing is lost.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::farshore::Farshore;
use crate::support::groups::Member;
use crate::support::operator::{Carried, LINK, Operation};
use crate::support::write::{Outcome, Writer, numbered};

const ORDERS: (&str, i32) = ("orders", 0);

async fn setting() -> Setting {
    let link = "topics = [\"orders\"]\ngroup_sync_interval = \"200ms\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..50).await;
    setting.farshore.start().await;
    setting.mirrored("orders", 1).await;
    setting.commits("clerks", ORDERS, 20).await;
    setting.farshore.carries_exactly("clerks", ORDERS, 20).await;
    setting
}

fn waits_for(what: &str) -> impl Fn(&Operation) -> bool {
    move |operation| {
        operation.phase == "draining" && operation.waits_for.iter().any(|why| why.contains(what))
    }
}

#[tokio::test]
async fn h15_a_switchover_waits_for_open_transactions_and_members_and_loses_nothing() {
    let mut setting = setting().await;
    let paris = setting.paris.bootstrap();
    let open = Writer::new(&paris, "orders", &[("transactional.id", "open")]);
    open.init_transactions().await;
    open.begin();
    open.write(numbered(0, 50..60)).await;
    // Committed records behind an open transaction; the lag would be zero without them.
    setting.write("orders", 0, 60..70).await;
    let member = Member::join(&paris, "clerks", "orders").await;

    is_called_off(&setting.farshore).await;
    let plan = setting.farshore.clear_plan("switchover", "clerks").await;
    let answer = setting.farshore.start_operation(&plan).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let farshore = &setting.farshore;
    let transaction = waits_for("orders-0 has an open transaction");
    farshore
        .operation_is(&plan.id, "waits for the transaction", transaction)
        .await;
    let members = waits_for("group clerks has members on the source");
    farshore
        .operation_is(&plan.id, "waits for the members", members)
        .await;
    another_one_has_to_wait(&setting).await;

    open.write(numbered(0, 70..80)).await;
    open.end(Outcome::Commit).await;
    let only_members = |o: &Operation| o.waits_for.len() == 1 && waits_for("members")(o);
    let what = "waits for nothing but the members";
    setting
        .farshore
        .operation_is(&plan.id, what, only_members)
        .await;
    drop(member);
    setting.commits("clerks", ORDERS, 65).await;
    let is_over = |o: &Operation| o.phase == "done" || o.phase == "stopped";
    let operation = setting
        .farshore
        .operation_is(&plan.id, "over", is_over)
        .await;
    assert_eq!(operation.phase, "done", "{operation:?}");

    assert_eq!(setting.compare("orders", 1).await, 80);
    let moved = &operation.groups[0];
    assert!(moved.exact && moved.source_offset == 65, "{moved:?}");
    let next = setting.next_on_source("orders", 0, 65).await;
    assert_eq!(setting.next_on_target("clerks", "orders", 1).await, [next]);
    stays_where_it_was_moved(&mut setting, moved.target_offset).await;
}

/// Calls a switchover off while it waits.
async fn is_called_off(farshore: &Farshore) {
    let plan = farshore.clear_plan("switchover", "clerks").await;
    let answer = farshore.start_operation(&plan).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let cancelled = farshore.cli(&["cancel", &plan.id]).await;
    let out = String::from_utf8_lossy(&cancelled.stdout);
    assert_eq!(cancelled.status.code(), Some(0), "{cancelled:?}");
    let told = format!(
        "operation {}: stopped at draining\n  cancelled by a request from ",
        plan.id
    );
    assert!(out.starts_with(&told), "{out}");
    let again = farshore.cli(&["cancel", &plan.id]).await;
    assert_eq!(again.status.code(), Some(3), "{again:?}");
    let listed = farshore.cli(&["operations", "--link", LINK]).await;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let row = listed.lines().nth(1).unwrap_or_default();
    assert!(
        row.starts_with(&plan.id) && row.contains("stopped at draining"),
        "{listed}"
    );
}

/// Time between two looks at a source that is being drained.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// How often the broker may take that long over a record before the test gives up.
const ATTEMPTS: usize = 5;

#[tokio::test]
async fn h15_a_switchover_waits_for_a_writer_that_keeps_writing() {
    for _ in 0..ATTEMPTS {
        let setting = setting().await;
        let (operation, written, pause) = while_writing(&setting).await;
        if operation.phase != "draining" {
            // Two looks found the source at rest, and it was; one of the two answers around them took half the time at least.
            assert!(pause > BETWEEN_LOOKS / 2, "{pause:?}: {operation:?}");
            continue;
        }
        let is_over = |o: &Operation| o.phase == "done" || o.phase == "stopped";
        let id = &operation.id;
        let operation = setting.farshore.operation_is(id, "over", is_over).await;
        assert_eq!(operation.phase, "done", "{operation:?}");
        let mirrored = setting.compare("orders", 1).await;
        assert_eq!(mirrored, written.cast_unsigned());
        return;
    }
    panic!("the source is never written to without pauses");
}

/// Switches over while single records are written, until the operation waits for their writer or ends. Returns it, the number
/// of records and the longest pause between two of them.
async fn while_writing(setting: &Setting) -> (Operation, i64, Duration) {
    let writer = Writer::new(&setting.paris.bootstrap(), "orders", &[("linger.ms", "0")]);
    // Connected before the first look.
    writer.write(numbered(0, 50..51)).await;
    let plan = setting.farshore.clear_plan("switchover", "clerks").await;
    let (written, is_over) = (Cell::new(51), Cell::new(false));
    let writing = async {
        let (mut longest, mut last) = (Duration::ZERO, Instant::now());
        while !is_over.get() {
            writer
                .write(numbered(0, written.get()..written.get() + 1))
                .await;
            written.set(written.get() + 1);
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        longest
    };
    let watching = async {
        let answer = setting.farshore.start_operation(&plan).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        loop {
            let seen = setting.farshore.operation(&plan.id).await;
            let seen = seen.expect("an operation");
            if seen.phase != "draining" || waits_for("being written")(&seen) {
                is_over.set(true);
                return seen;
            }
        }
    };
    let (pause, operation) = tokio::join!(writing, watching);
    (operation, written.get(), pause)
}

async fn another_one_has_to_wait(setting: &Setting) {
    let other = setting.farshore.clear_plan("switchover", "clerks").await;
    assert_eq!(setting.farshore.start_operation(&other).await.status, 423);
    let refused = setting.farshore.apply_with(&other.id, &other.hash).await;
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
}

/// Checks that the group belongs to the target, whatever happens on the source and to farshore.
async fn stays_where_it_was_moved(setting: &mut Setting, offset: i64) {
    setting.farshore.kill9();
    setting.farshore.start().await;
    setting.commits("clerks", ORDERS, 75).await;
    setting.commits("witness", ORDERS, 75).await;
    setting
        .farshore
        .carries_exactly("witness", ORDERS, 75)
        .await;
    let is_moved = |c: &Carried| c.state == "moved" && c.source_offset == Some(75);
    setting
        .farshore
        .carries("clerks", ORDERS, "moved", is_moved)
        .await;
    assert_eq!(setting.committed("clerks", ORDERS).await, offset);
}
