//! farshore with exactly the permissions that it prints, and with each of them taken away.

mod acls;
mod deleting;
mod guarded;

use crate::histories::write_transactions;
use crate::support::topics;

use guarded::{Guarded, Waits};

const LINK: &str = "/v1/links/paris-oslo";
/// Links with features of their own.
const RECORDED: &str = "/v1/links/recorded";
const PRESERVED: &str = "/v1/links/preserved";
const OTHERS: &str = "
[links.recorded]
source = \"paris\"
target = \"oslo\"
topics = [\"recorded\"]
groups = [\"nobody\"]
path = \"record\"

[links.preserved]
source = \"paris\"
target = \"oslo\"
topics = [\"preserved\"]
groups = [\"nobody\"]
offsets = \"preserve\"
";
const JOURNAL: &str = "__farshore.paris-oslo";
/// A topic for each right, and one from which none is taken.
const TOPICS: [&str; 8] = [
    "orders",
    "unread",
    "unseen",
    "unwritten",
    "unproven",
    "ungrown",
    "unset",
    "untold",
];
const GROUPS: [&str; 3] = ["clerks", "hidden", "refused"];

/// The rights: the cluster, the operation and what it is on; and what waits for it.
const RIGHTS: &[(&str, &str, &str, Waits)] = &[
    (
        "paris",
        "Read",
        "unread",
        Waits::Topic(LINK, "unread", "not_permitted"),
    ),
    (
        "paris",
        "DescribeConfigs",
        "unseen",
        Waits::Topic(LINK, "unseen", "not_permitted"),
    ),
    (
        "oslo",
        "Write",
        "unwritten",
        Waits::Topic(LINK, "unwritten", "not_permitted"),
    ),
    ("oslo", "Read", "unproven", Waits::Group("clerks")),
    (
        "oslo",
        "Alter",
        "ungrown",
        Waits::Topic(LINK, "ungrown", "partitions_missing"),
    ),
    (
        "oslo",
        "AlterConfigs",
        "unset",
        Waits::Topic(LINK, "unset", "not_permitted"),
    ),
    (
        "oslo",
        "Create",
        "untold",
        Waits::Topic(LINK, "untold", "not_permitted"),
    ),
    ("paris", "Describe", "hidden", Waits::Group("hidden")),
    ("oslo", "Read", "refused", Waits::Group("refused")),
    ("paris", "DescribeConfigs", "kafka-cluster", Waits::Nothing),
    ("paris", "Describe", "*", Waits::Nothing),
    ("paris", "Describe", "__farshore.", Waits::Nothing),
    ("oslo", "DescribeConfigs", "kafka-cluster", Waits::Nothing),
    ("oslo", "DescribeConfigs", JOURNAL, Waits::Nothing),
    (
        "oslo",
        "Write",
        "farshore.recorded.",
        Waits::Topic(RECORDED, "recorded", "not_permitted"),
    ),
    (
        "oslo",
        "Alter",
        "kafka-cluster",
        Waits::Topic(PRESERVED, "preserved", "not_permitted"),
    ),
    ("oslo", "Create", "farshore-probe-", Waits::Nothing),
    ("oslo", "Delete", "farshore-probe-", Waits::Nothing),
    ("oslo", "Delete", "preserved", Waits::Nothing),
];

#[tokio::test(flavor = "multi_thread")]
async fn farshore_needs_exactly_the_rights_it_prints_and_waits_for_each_where_it_is_missing() {
    let quoted = |names: &[&str]| format!("{names:?}");
    let link = format!(
        "topics = {}\ngroups = {}\nrefresh_interval = \"1s\"\ngroup_sync_interval = \"300ms\"",
        quoted(&TOPICS),
        quoted(&GROUPS)
    ) + OTHERS;
    let mut guarded = Guarded::start(&link).await;
    // Without any right the link waits, and says for what.
    guarded.setting.farshore.start().await;
    guarded.link_waits("Create", JOURNAL).await;
    mirrors_with_what_is_printed(&guarded).await;

    // Each of them is needed for one thing, and the others go on.
    for (cluster, operation, on, _) in RIGHTS {
        guarded.revoke((cluster, operation, on)).await;
    }
    disturb(&guarded).await;
    let mut fixes = Vec::new();
    for (cluster, operation, on, waits) in RIGHTS {
        if let Some(command) = guarded.told(operation, on, waits).await {
            fixes.push((*cluster, command));
        }
    }
    let (setting, farshore) = (&guarded.setting, &guarded.setting.farshore);
    setting.mirrored("orders", 1).await;
    let goes_on = farshore.carries_exactly("clerks", ("orders", 0), 25);
    goes_on.await;

    // The commands in the messages are all it takes.
    for (cluster, command) in &fixes {
        guarded.run(cluster, command).await;
    }
    for topic in TOPICS {
        let partitions = if topic == "ungrown" { 2 } else { 1 };
        setting.mirrored(topic, partitions).await;
        assert_eq!(setting.compare(topic, partitions).await, 30, "{topic}");
    }
    guarded.lives(RECORDED, "recorded").await;
    guarded.lives(PRESERVED, "preserved").await;
    for group in GROUPS {
        let carried = farshore.carries_exactly(group, ("orders", 0), 25);
        carried.await;
        assert_eq!(setting.committed(group, ("orders", 0)).await, 25, "{group}");
    }
    let carried = farshore.carries_exactly("clerks", ("unproven", 0), 25);
    carried.await;
    loses_the_journal(&guarded).await;
}

/// Grants what was printed, and waits until everything is mirrored.
async fn mirrors_with_what_is_printed(guarded: &Guarded) {
    for topic in &TOPICS[..7] {
        guarded.setting.topic(topic, 1, &[]).await;
        guarded.setting.write(topic, 0, 0..20).await;
    }
    for topic in ["recorded", "preserved"] {
        guarded.setting.topic(topic, 1, &[]).await;
        guarded.setting.write(topic, 0, 0..20).await;
    }
    for group in GROUPS {
        guarded.setting.commits(group, ("orders", 0), 5).await;
    }
    guarded.setting.commits("clerks", ("unproven", 0), 5).await;

    grant_all(guarded).await;
    for topic in &TOPICS[..7] {
        guarded.setting.mirrored(topic, 1).await;
    }
    guarded.lives(RECORDED, "recorded").await;
    guarded.lives(PRESERVED, "preserved").await;
    for group in GROUPS {
        let farshore = &guarded.setting.farshore;
        farshore.carries_exactly(group, ("orders", 0), 5).await;
    }
    let checked = guarded.setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&checked.stdout);
    let unseen = "the expression \"untold\" in topics selects no topic of paris";
    assert!(
        text.contains(unseen) && text.contains("\n1 problem found"),
        "{text}"
    );
}

/// Grants what was printed, some of it with Kafka's own tool.
async fn grant_all(guarded: &Guarded) {
    let is_special = |line: &str| line.contains('\'') || line.contains("prefixed");
    for (cluster, line) in &guarded.printed {
        if is_special(line) {
            guarded.run_by_tool(cluster, line).await;
        } else {
            guarded.run(cluster, line).await;
        }
    }
}

/// Gives the link something to do for which each right is needed.
async fn disturb(guarded: &Guarded) {
    let setting = &guarded.setting;
    let paris = setting.paris.bootstrap();
    topics::grow(&paris, "ungrown", 2).await;
    topics::configure(&paris, "unset", &[("retention.ms", "86400000000")]).await;
    setting.topic("untold", 1, &[]).await;
    setting.write("untold", 0, 0..20).await;
    for topic in TOPICS {
        setting.write(topic, 0, 20..30).await;
    }
    for group in GROUPS {
        setting.commits(group, ("orders", 0), 25).await;
    }
    setting.commits("clerks", ("unproven", 0), 25).await;
    setting.write("recorded", 0, 20..30).await;
    // A transaction's marker is a gap.
    write_transactions(setting, "preserved", 3).await;
    setting.write("preserved", 0, 20..30).await;
}

/// Without its journal the link sends nothing; with it, it goes on.
async fn loses_the_journal(guarded: &Guarded) {
    let setting = &guarded.setting;
    guarded.revoke(("oslo", "Write", JOURNAL)).await;
    let command = guarded.link_waits("Write", JOURNAL).await;
    setting.write("orders", 0, 30..40).await;
    guarded.run("oslo", &command).await;
    setting.mirrored("orders", 1).await;
    assert_eq!(setting.compare("orders", 1).await, 40);
}
