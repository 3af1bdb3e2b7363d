//! The rights to delete, where offsets are preserved and where a mirror is created anew, and the rights to see a topic and
//! the journal.

use std::fs;

use super::guarded::{Guarded, Waits};
use super::{JOURNAL, LINK, PRESERVED, grant_all};
use crate::support::topics;

const LINKS: &str = "topics = [\"orders\", \"unseen\", \"absent\"]
groups = [\"nobody\"]
refresh_interval = \"500ms\"
on_recreate = \"reseed\"

[links.preserved]
source = \"paris\"
target = \"oslo\"
topics = [\"prefixed\"]
groups = [\"nobody\"]
refresh_interval = \"500ms\"
offsets = \"preserve\"
";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_deleted_or_rebuilt_waits_for_the_right_and_is_exact_with_it() {
    let mut guarded = Guarded::start(LINKS).await;
    let setting = &guarded.setting;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..20).await;
    setting.topic("prefixed", 1, &[]).await;
    setting.write("prefixed", 0, 0..100).await;
    topics::delete_records(&paris, "prefixed", 0, 40).await;
    setting.topic("unseen", 1, &[]).await;
    setting.write("unseen", 0, 0..20).await;
    grant_all(&guarded).await;
    guarded.revoke(("paris", "Read", "unseen")).await;
    for topic in ["orders", "prefixed"] {
        guarded.revoke(("oslo", "Delete", topic)).await;
    }
    guarded.setting.farshore.start().await;
    guarded.setting.mirrored("orders", 1).await;

    tells_what_it_does_not_see(&guarded).await;

    // What fills the offsets before the first record can't be deleted again.
    let waits = Waits::Topic(PRESERVED, "prefixed", "not_permitted");
    let command = guarded.told("Delete", "prefixed", &waits).await;
    guarded.run("oslo", &command.expect("a command")).await;
    guarded.lives(PRESERVED, "prefixed").await;
    let logs = topics::watermarks(&oslo, "prefixed", 0).await;
    assert_eq!(logs, (40, 100));

    // Neither can the mirror of a topic that was created again.
    topics::delete(&paris, "orders").await;
    guarded.setting.topic("orders", 1, &[]).await;
    guarded.setting.write("orders", 0, 100..130).await;
    let waits = Waits::Topic(LINK, "orders", "target_topic_missing");
    let command = guarded.told("Delete", "orders", &waits).await;
    let log = topics::watermarks(&oslo, "orders", 0).await;
    assert_eq!(log, (0, 20), "the mirror is as it was");
    guarded.run("oslo", &command.expect("a command")).await;
    guarded.setting.mirrored("orders", 1).await;
    assert_eq!(guarded.setting.compare("orders", 1).await, 30);
    does_not_see_its_journal(&mut guarded).await;
}

/// A topic that may not be seen is told apart from one that doesn't exist.
async fn tells_what_it_does_not_see(guarded: &Guarded) {
    let farshore = &guarded.setting.farshore;
    let waits = Waits::Topic(LINK, "unseen", "not_permitted");
    let command = guarded.told("Read", "unseen", &waits).await;
    let get = async |path: &str| {
        let path = format!("{LINK}{path}");
        farshore.get_json(&path).await.expect("an answer")
    };
    let row = &get("/topics/absent").await["partitions"][0];
    assert_eq!(row["state"], "preparing", "{row}");
    let detail = row["detail"].as_str().unwrap_or_default();
    let expected = "waits for its mirror partition: cluster paris has no topic absent";
    assert!(detail.starts_with(expected), "{row}");
    for (topic, on_source) in [("unseen", "unknown"), ("absent", "absent")] {
        let told = get(&format!("/explain/{topic}")).await;
        assert_eq!(told["topic"]["on_source"], on_source, "{told}");
    }
    let link = get("").await;
    assert_eq!(link["state"], "degraded", "{link}");
    assert_eq!(link["topics"], 3, "{link}");

    guarded.run("paris", &command.expect("a command")).await;
    guarded.setting.mirrored("unseen", 1).await;
    assert_eq!(guarded.setting.compare("unseen", 1).await, 20);
    // What doesn't exist keeps nothing from being done.
    let link = get("").await;
    assert_eq!(link["state"], "running", "{link}");
    assert_eq!(link["lag_records"], 0, "{link}");
}

/// A process without checkpoint DB that may create its journal, and neither see nor read the one that exists.
async fn does_not_see_its_journal(guarded: &mut Guarded) {
    let oslo = guarded.setting.oslo.bootstrap();
    guarded.setting.farshore.kill9();
    let lost = guarded.setting.farshore.checkpoint_path();
    fs::remove_dir_all(lost).expect("the checkpoint DB");
    for operation in ["Read", "Write"] {
        guarded.revoke(("oslo", operation, JOURNAL)).await;
    }
    let journal = topics::watermarks(&oslo, JOURNAL, 0).await;
    guarded.setting.write("orders", 0, 130..150).await;
    guarded.setting.farshore.start().await;
    for operation in ["Read", "Write"] {
        let command = guarded.link_waits(operation, JOURNAL).await;
        assert_eq!(topics::watermarks(&oslo, JOURNAL, 0).await, journal);
        let mirror = topics::watermarks(&oslo, "orders", 0).await;
        assert_eq!(mirror, (0, 30), "nothing is sent without the journal");
        guarded.run("oslo", &command).await;
    }
    guarded.setting.mirrored("orders", 1).await;
    assert_eq!(guarded.setting.compare("orders", 1).await, 50);
    guarded.lives(PRESERVED, "prefixed").await;
}
