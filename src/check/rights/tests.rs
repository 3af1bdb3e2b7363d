use std::fmt::Write;

use super::*;
use crate::files::testing::document_has;
use crate::kafka::acl::{Need, PatternType};

#[test]
fn every_need_of_a_request_is_in_the_list() {
    let listed: BTreeSet<Need> = ROWS.iter().flat_map(|row| row.needs).copied().collect();
    let missing: Vec<Need> = Need::ALL
        .into_iter()
        .filter(|it| !listed.contains(it))
        .collect();
    assert_eq!(missing, []);
}

fn config(links: &str) -> Config {
    let clusters = "[clusters.paris]\nbootstrap_servers = [\"p:9092\"]\n[clusters.oslo]\nbootstrap_servers = [\"o:9092\"]\n";
    let text = format!("{clusters}{links}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("farshore.toml");
    std::fs::write(&file, text).unwrap();
    crate::config::load(&file).unwrap_or_else(|errors| panic!("{errors}"))
}

fn link(lines: &str) -> Config {
    config(&format!(
        "[links.paris-oslo]\nsource = \"paris\"\ntarget = \"oslo\"\n{lines}\n"
    ))
}

/// The operations on each resource of a cluster.
fn granted(config: &Config, cluster: &str, used: Used) -> BTreeMap<String, String> {
    let mut granted: BTreeMap<String, BTreeSet<AclOperation>> = BTreeMap::new();
    for grant in rights(config) {
        if grant.cluster.as_str() != cluster || grant.used != used {
            continue;
        }
        for resource in &grant.resources {
            let end = match resource.pattern {
                PatternType::Literal => "",
                PatternType::Prefixed => "...",
            };
            let name = format!("{:?} {}{end}", resource.kind, resource.name);
            granted.entry(name).or_default().extend(&grant.operations);
        }
    }
    let words = |operations: BTreeSet<AclOperation>| {
        let words: Vec<String> = operations.iter().map(ToString::to_string).collect();
        words.join(" ")
    };
    granted
        .into_iter()
        .map(|(name, it)| (name, words(it)))
        .collect()
}

fn assert_granted(config: &Config, cluster: &str, expected: &[(&str, &str)]) {
    let expected = expected
        .iter()
        .map(|(name, it)| ((*name).to_owned(), (*it).to_owned()));
    assert_eq!(granted(config, cluster, Used::Yes), expected.collect());
}

#[test]
fn literal_names_get_literal_rights_and_no_more() {
    let config = link("topics = [\"orders\", \"eu\\\\.payments\"]\ngroups = [\"billing\"]");
    assert_granted(
        &config,
        "paris",
        &[
            ("Cluster kafka-cluster", "DescribeConfigs"),
            ("Group billing", "Describe"),
            ("Topic __farshore....", "Describe"),
            ("Topic eu.payments", "Read DescribeConfigs"),
            ("Topic orders", "Read DescribeConfigs"),
            ("TransactionalId *", "Describe"),
        ],
    );
    assert_granted(
        &config,
        "oslo",
        &[
            ("Cluster kafka-cluster", "DescribeConfigs"),
            ("Group billing", "Read"),
            (
                "Topic __farshore.paris-oslo",
                "Read Write Create DescribeConfigs",
            ),
            ("Topic eu.payments", "Read Write Create Alter AlterConfigs"),
            ("Topic orders", "Read Write Create Alter AlterConfigs"),
        ],
    );
    let by_hand = granted(&config, "oslo", Used::ByHand);
    assert_eq!(by_hand["Topic orders"], "Delete");
    assert_eq!(
        by_hand["Topic farshore-quarantine-paris-oslo"],
        "Read Write Create"
    );
}

#[test]
fn prefixes_are_prefixed_and_other_expressions_are_widened_with_a_note() {
    let topics = "topics = [\"eu\\\\..*\", \"us.+\", \"a|b\"]\ntopics_exclude = [\"eu\\\\.x\"]";
    let config = link(&format!("{topics}\nnaming = \"prefix\"\njournal = false"));
    let paris = granted(&config, "paris", Used::Yes);
    for topics in ["Topic eu....", "Topic us...", "Topic *"] {
        assert_eq!(paris[topics], "Read DescribeConfigs", "{topics}");
    }
    assert_eq!(paris["Group *"], "Describe");
    let oslo = granted(&config, "oslo", Used::Yes);
    for topics in ["Topic paris.eu....", "Topic paris.us...", "Topic paris...."] {
        assert_eq!(
            oslo[topics], "Read Write Create Alter AlterConfigs",
            "{topics}"
        );
    }
    assert!(
        !oslo.contains_key("Topic __farshore.paris-oslo"),
        "{oslo:?}"
    );
    let notes: BTreeSet<String> = rights(&config)
        .into_iter()
        .flat_map(|it| it.notes)
        .collect();
    let notes: Vec<&String> = notes.iter().collect();
    let [excluded, wider] = notes[..] else {
        panic!("{notes:?}");
    };
    assert!(excluded.contains("topics_exclude"), "{excluded}");
    assert!(wider.contains("\"a|b\" in topics"), "{wider}");
}

#[test]
fn features_take_their_rights_only_where_they_are_used() {
    let preserving = link("topics = [\"orders\"]\noffsets = \"preserve\"");
    let oslo = granted(&preserving, "oslo", Used::Yes);
    assert_eq!(oslo["Cluster kafka-cluster"], "Alter DescribeConfigs");
    assert_eq!(
        oslo["Topic orders"],
        "Read Write Create Delete Alter AlterConfigs"
    );
    assert_eq!(oslo["Topic farshore-probe-..."], "Create Delete");

    let recording =
        link("topics = [\"orders\"]\npath = \"record\"\non_refused = \"skip_with_receipt\"");
    let oslo = granted(&recording, "oslo", Used::Yes);
    assert_eq!(oslo["TransactionalId farshore.paris-oslo...."], "Write");
    assert_eq!(
        oslo["Topic farshore-quarantine-paris-oslo"],
        "Read Write Create"
    );
    assert_eq!(oslo["Topic orders"], "Read Write Create Alter AlterConfigs");

    let caring = link("topics = [\"orders\"]\nsync_acls = true");
    let paris = granted(&caring, "paris", Used::Yes);
    assert_eq!(paris["Cluster kafka-cluster"], "Describe DescribeConfigs");
    let oslo = granted(&caring, "oslo", Used::Yes);
    assert_eq!(oslo["Cluster kafka-cluster"], "Alter DescribeConfigs");
    let guarding = link("topics = [\"orders\"]\nguard_mirrors = true");
    let paris = granted(&guarding, "paris", Used::Yes);
    assert_eq!(paris["Cluster kafka-cluster"], "DescribeConfigs");
    let oslo = granted(&guarding, "oslo", Used::Yes);
    assert_eq!(oslo["Cluster kafka-cluster"], "Alter DescribeConfigs");

    let overridden = link(
        "topics = [\"orders\"]\n[[links.paris-oslo.overrides]]\ntopics = [\"orders\"]\non_recreate = \"reseed\"",
    );
    let oslo = granted(&overridden, "oslo", Used::Yes);
    assert_eq!(
        oslo["Topic orders"],
        "Read Write Create Delete Alter AlterConfigs"
    );
}

#[test]
fn a_cluster_between_two_links_gets_what_both_take_once() {
    let links = "[clusters.rome]\nbootstrap_servers = [\"r:9092\"]\n\
        [links.a]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\"orders\"]\n\
        [links.b]\nsource = \"oslo\"\ntarget = \"rome\"\ntopics = [\"orders\"]\nallow_mirrored_source = true\n";
    let oslo = granted(&config(links), "oslo", Used::Yes);
    assert_eq!(oslo["Topic orders"], "Read Write Create Alter AlterConfigs");
    let settings = |it: &&Grant| it.row.feature == Feature::BrokerSettings;
    let grants = rights(&config(links));
    let of_oslo = grants.iter().filter(|it| it.cluster.as_str() == "oslo");
    assert!(of_oslo.filter(settings).count() >= 1);
}

const DOCUMENT: &str = "docs/security.md";
const BEGIN: &str = "<!-- permissions -->\n";
const END: &str = "<!-- end of permissions -->\n";

/// The table of the documents.
fn table() -> String {
    let mut text =
        "| for | on | resource | operations | without |\n|---|---|---|---|---|\n".to_owned();
    for row in ROWS {
        let side = match row.side {
            Side::Source => "source",
            Side::Target => "target",
        };
        let operations: Vec<String> = row.operations().iter().map(ToString::to_string).collect();
        let weight = match row.weight {
            Weight::Needed => "",
            Weight::Optional => " (optional)",
        };
        writeln!(
            text,
            "| {}{weight} | {side} | {} | {} | {} |",
            row.purpose,
            words(row.subject),
            operations.join(", "),
            row.otherwise
        )
        .unwrap();
    }
    text
}

fn words(subject: Subject) -> &'static str {
    match subject {
        Subject::SourceTopics => "topics of the link",
        Subject::MirrorTopics => "mirror topics",
        Subject::Groups => "groups of the link",
        Subject::Journal => "topic `__farshore.LINK`",
        Subject::QuarantineTopic => "topic `farshore-quarantine-LINK`, or `quarantine_topic`",
        Subject::ScratchTopics => "topics `farshore-probe-*`",
        Subject::Journals => "topics `__farshore.*`",
        Subject::OwnTransactions => "transactional ids `farshore.LINK.*`",
        Subject::AllTransactions => "transactional ids `*`",
        Subject::Cluster => "the cluster",
    }
}

/// `FARSHORE_RENEW=1` writes it.
#[test]
fn the_documents_have_this_table() {
    document_has(DOCUMENT, (BEGIN, END), &table());
}
