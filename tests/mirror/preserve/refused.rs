//! Mirror topics in which offsets can't be those of the source.

use super::{is_the_same, preserving, stands_still};
use crate::journal::lose_journal;
use crate::support::farshore::paris_oslo;
use crate::support::topics;
use crate::support::write::{Outcome, Writer, numbered};

#[tokio::test]
async fn a_mirror_topic_with_other_contents_is_refused() {
    let mut setting = preserving("topics = [\"t\"]").await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    let oslo = setting.oslo.bootstrap();
    topics::create(&oslo, "t", 1, 1, &[]).await;
    let stranger = Writer::new(&oslo, "t", &[]);
    stranger.write(numbered(0, 0..10)).await;
    setting.farshore.start().await;
    let (code, message) = stands_still(&setting, "t").await;
    assert_eq!(code, "foreign_write", "{message}");
}

/// What this link wrote for an older topic of the same name isn't mistaken for the beginning of the new one.
#[tokio::test]
async fn a_mirror_of_an_older_topic_is_refused() {
    // A journal would reveal that the topic is a different one.
    let mut setting = preserving("topics = [\"t\"]\njournal = false").await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    setting.farshore.kill9();
    std::fs::remove_dir_all(setting.farshore.checkpoint_path()).expect("the checkpoint DB");
    topics::delete(&setting.paris.bootstrap(), "t").await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 1_000..1_200).await;
    setting.farshore.start().await;
    let (code, message) = stands_still(&setting, "t").await;
    assert_eq!(code, "preserve_impossible", "{message}");
}

#[tokio::test]
async fn without_its_checkpoint_and_its_journal_a_mirror_goes_on() {
    let mut setting = preserving("topics = [\"t\"]").await;
    setting.topic("t", 1, &[]).await;
    crate::histories::write_transactions(&setting, "t", 20).await;
    topics::delete_records(&setting.paris.bootstrap(), "t", 0, 40).await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    setting.farshore.kill9();
    std::fs::remove_dir_all(setting.farshore.checkpoint_path()).expect("the checkpoint DB");
    lose_journal(&setting).await;
    crate::histories::write_transactions(&setting, "t", 20).await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
}

#[tokio::test]
async fn a_topic_mirrored_with_a_map_is_not_preserved_afterwards_unless_its_offsets_are_the_same() {
    let mut setting = preserving("topics = [\"t\", \"u\"]").await;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    setting.topic("t", 1, &[]).await;
    setting.topic("u", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.write("u", 0, 0..100).await;
    topics::delete_records(&paris, "t", 0, 10).await;
    let lines = "topics = [\"t\", \"u\"]\noffsets = ";
    let configure = |mode: &str| paris_oslo(&paris, &oslo, &format!("{lines}\"{mode}\""));
    setting.farshore.configure(&configure("translate"));
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    setting.mirrored("u", 1).await;
    setting.farshore.sigterm().await;
    setting.farshore.configure(&configure("preserve"));
    setting.farshore.start().await;
    let (code, message) = stands_still(&setting, "t").await;
    assert_eq!(code, "preserve_impossible", "{message}");
    crate::histories::write_transactions(&setting, "u", 5).await;
    is_the_same(&setting, "u", 1).await;
}

/// The mirror topic is replaced while nothing flows, and nothing has noticed it when markers are due.
#[tokio::test]
async fn markers_are_never_written_to_another_topic_of_that_name() {
    let mut setting = preserving("topics = [\"t\"]\nrefresh_interval = \"1h\"").await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..10).await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    let oslo = setting.oslo.bootstrap();
    topics::delete(&oslo, "t").await;
    topics::create(&oslo, "t", 1, 1, &[]).await;
    // Nothing but a gap.
    let settings = [("transactional.id", "aborting")];
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &settings);
    writer.init_transactions().await;
    writer
        .transaction(numbered(0, 10..15), Outcome::Abort)
        .await;
    let (code, message) = stands_still(&setting, "t").await;
    assert_eq!(code, "target_recreated", "{message}");
    assert_eq!(topics::watermarks(&oslo, "t", 0).await, (0, 0));
}
