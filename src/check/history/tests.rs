use std::path::PathBuf;

use tempfile::TempDir;

use crate::checkpoint::records::Reseed;
use crate::checkpoint::{LinkRecord, PartitionKey, PartitionRecord, TopicRecord, Update};
use crate::config::load;
use crate::control::topics::cluster::SeenTopic;
use crate::model::{DataPath, History, Partition, SourceOffset};

use super::*;

fn id(number: u128) -> TopicId {
    TopicId(uuid::Uuid::from_u128(number))
}

fn identity(target: &str) -> LinkIdentity {
    LinkIdentity {
        link: "paris-oslo".into(),
        source_cluster_id: "P".to_owned(),
        target_cluster_id: target.to_owned(),
    }
}

/// A configuration whose checkpoint DB is in a directory of its own.
struct Bench {
    directory: TempDir,
    config: Config,
}

impl Bench {
    fn new(offsets: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("farshore.toml");
        let text = format!(
            "[checkpoint]\npath = \"{}\"\n\
             [clusters.paris]\nbootstrap_servers = [\"paris:1\"]\n\
             [clusters.oslo]\nbootstrap_servers = [\"oslo:1\"]\n\
             [links.paris-oslo]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\".*\"]\n\
             offsets = \"{offsets}\"\nnaming = \"identity\"\n",
            directory.path().join("db").display()
        );
        std::fs::write(&file, text).unwrap();
        let config = load(&file).unwrap();
        Self { directory, config }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("db")
    }

    /// Stores a link that has mirrored topics with these names and ids, all with one relation between offsets.
    async fn store(&self, topics: &[(&str, u128)], offsets: OffsetsMode) {
        let store = checkpoint::open(&self.path()).unwrap();
        let link = LinkName::from("paris-oslo");
        let mut update = Update::new();
        let record = LinkRecord {
            identity: identity("O"),
            initialized: true,
            paused: false,
        };
        records::put_link(&mut update, &record);
        for (name, number) in topics {
            let topic = TopicRecord {
                mirror_topic: (*name).into(),
                source_topic_id: id(100 + number),
                target_topic_id: id(*number),
                created: true,
                initial_partitions: 1,
                reseeded: None,
            };
            records::put_topic(&mut update, &link, &(*name).into(), &topic);
            let key = PartitionKey {
                link: link.clone(),
                topic: (*name).into(),
                partition: Partition(0),
            };
            records::put_partition(&mut update, &key, &partition(*number, offsets));
        }
        store.commit(update).await.unwrap();
    }

    /// What became of the topics of the link where the target has these.
    fn judged(&self, on_target: &[(&str, u128)]) -> HistoryFacts {
        let topics = on_target.iter().map(|(name, number)| {
            let seen = SeenTopic {
                id: id(*number),
                partitions: 1,
                replication_factor: 1,
                is_internal: false,
                is_clear: true,
            };
            (TopicName::from(*name), seen)
        });
        let look = Look {
            brokers: 1,
            topics: topics.collect(),
        };
        let known = remembered(&self.config).unwrap();
        let selected: Vec<TopicName> = ["a", "b", "c"].map(TopicName::from).into();
        known[&LinkName::from("paris-oslo")].judged(
            &self.config.links[0],
            &identity("O"),
            &selected,
            &look,
        )
    }
}

/// A partition of a mirror topic with this id, with 5 records.
fn partition(number: u128, offsets: OffsetsMode) -> PartitionRecord {
    PartitionRecord {
        source_topic_id: id(100 + number),
        target_topic_id: id(number),
        origin: SourceOffset(0),
        frontier: SourceOffset(5),
        acked_end: TargetOffset(5),
        epochs: Vec::new(),
        plans: Vec::new(),
        incarnation: 0,
        history: History::default(),
        offsets,
        fence_epoch: 0,
        path: DataPath::Raw,
        complete_ms: None,
    }
}

#[tokio::test]
async fn mirrors_that_are_gone_or_created_again_are_told_from_those_in_place() {
    let bench = Bench::new("translate");
    let known = [("a", 1), ("b", 2), ("c", 3), ("unselected", 4)];
    bench.store(&known, OffsetsMode::Translate).await;
    let facts = bench.judged(&[("a", 1), ("b", 7)]);
    assert_eq!(facts.mirrors, 3);
    assert_eq!(facts.gone, ["c".into()]);
    assert_eq!(facts.recreated, ["b".into()]);
    assert_eq!((facts.fixed.len(), facts.others.len()), (0, 0));
}

#[tokio::test]
async fn topics_keep_the_offsets_they_have() {
    for (configured, stored, fixed) in [
        ("translate", OffsetsMode::Translate, 0),
        ("translate", OffsetsMode::Preserve, 1),
        ("preserve", OffsetsMode::Translate, 1),
        ("preserve", OffsetsMode::Preserve, 0),
    ] {
        let bench = Bench::new(configured);
        bench.store(&[("a", 1)], stored).await;
        let facts = bench.judged(&[("a", 1)]);
        assert_eq!(facts.fixed.len(), fixed, "{configured} {stored:?}");
    }
}

#[tokio::test]
async fn what_was_mirrored_to_a_former_topic_or_is_to_be_mirrored_anew_counts_for_nothing() {
    let bench = Bench::new("translate");
    bench
        .store(&[("a", 1), ("b", 2)], OffsetsMode::Translate)
        .await;
    let link = LinkName::from("paris-oslo");
    let store = checkpoint::open(&bench.path()).unwrap();
    let mut update = Update::new();
    let mut topic = records::load_topic(&*store, &link, &"a".into())
        .unwrap()
        .unwrap();
    topic.target_topic_id = id(9);
    records::put_topic(&mut update, &link, &"a".into(), &topic);
    let reseed = Reseed { former: id(2) };
    records::put_reseed(&mut update, &link, &"b".into(), reseed);
    store.commit(update).await.unwrap();
    drop(store);
    assert_eq!(bench.judged(&[]).mirrors, 0);
}

#[tokio::test]
async fn another_cluster_is_told_by_its_id() {
    let bench = Bench::new("translate");
    bench.store(&[("a", 1)], OffsetsMode::Translate).await;
    let known = remembered(&bench.config).unwrap();
    let link = &bench.config.links[0];
    let facts = known[&link.name].judged(link, &identity("X"), &[], &Look::default());
    let other = ("oslo".into(), "O".to_owned(), "X".to_owned());
    assert_eq!(facts.others, [other]);
}

#[tokio::test]
async fn a_checkpoint_db_is_neither_created_nor_taken_from_its_user() {
    let bench = Bench::new("translate");
    assert!(remembered(&bench.config).unwrap().is_empty());
    assert!(!bench.path().exists());
    std::fs::create_dir(bench.path()).unwrap();
    assert!(remembered(&bench.config).unwrap().is_empty());
    assert_eq!(std::fs::read_dir(bench.path()).unwrap().count(), 0);
    bench.store(&[("a", 1)], OffsetsMode::Translate).await;
    let in_use = checkpoint::open(&bench.path()).unwrap();
    let refused = remembered(&bench.config).unwrap_err();
    assert_eq!(refused.kind(), Kind::Refused);
    drop(in_use);
    assert_eq!(remembered(&bench.config).unwrap().len(), 1);
}
