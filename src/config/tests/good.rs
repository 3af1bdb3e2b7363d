//! Files that are accepted.

use std::path::PathBuf;
use std::time::Duration;

use crate::kafka::client::HostPort;
use crate::model::{ClusterName, OffsetsMode, Policies, Policy, TopicName};

use super::*;

fn from_repository(file: &str) -> Config {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("config")
        .join(file);
    load(&path).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_minimal_file_gets_every_default() {
    let config = from_repository("minimal.toml");
    let paris = &config.clusters[&ClusterName::new("paris")];
    assert_eq!(paris.bootstrap, [HostPort::new("127.0.0.1", 19092)]);
    assert_eq!(paris.client_id, defaults::CLIENT_ID);
    assert!(paris.address_map.is_empty());
    let link = &config.links[0];
    assert_eq!(link.name.as_str(), "paris-oslo");
    assert_eq!(
        (link.source.as_str(), link.target.as_str()),
        ("paris", "oslo")
    );
    assert_eq!(link.start, Start::Earliest);
    assert_eq!(link.naming, Naming::Identity);
    assert_eq!(link.replication_factor, None);
    assert_eq!(link.refresh_interval, Duration::from_secs(5));
    assert_eq!(link.group_sync_interval, Duration::from_secs(1));
    assert_eq!(link.max_in_flight_bytes, 24 << 20);
    assert_eq!(link.max_bytes_per_second, None);
    assert!(link.groups.matches(&"billing".into()));
    assert_eq!(link.policies.of(&"orders".into()), Policies::HALT);
    assert_eq!(
        link.quarantine_topic.as_str(),
        "farshore-quarantine-paris-oslo"
    );
    assert_eq!(config.checkpoint.path, PathBuf::from("farshore-data"));
    assert_eq!(config.api.listen.to_string(), "127.0.0.1:8640");
    assert_eq!(config.api.advertised_url, "http://127.0.0.1:8640");
    let token = PathBuf::from("farshore-data/api-token");
    assert_eq!(config.api.token_file, token);
    assert!(config.api.open.is_empty() && config.api.hosts.is_empty());
    assert_eq!(config.api.max_body, 262_144);
    assert!((1..=4).contains(&config.runtime.worker_threads));
    assert_eq!(
        (config.log.format, config.log.level),
        (LogFormat::Text, LogLevel::Info)
    );
}

#[test]
fn no_link_mirrors_what_another_one_quarantined() {
    let link = |name: &str, [source, target]: [&str; 2], topics: &str| {
        format!(
            "[links.{name}]\nsource = \"{source}\"\ntarget = \"{target}\"\ntopics = [\"{topics}\"]\n"
        )
    };
    let there = link("there", ["paris", "oslo"], "orders|dead");
    let back = link("back", ["oslo", "paris"], "dead|more");
    let text = format!("{there}quarantine_topic = \"dead\"\n{back}");
    let config = parse_with_clusters(&text).unwrap();
    let takes = |link: usize, topic: &str| config.links[link].topics.matches(&topic.into());
    let [back, there] = [0, 1];
    assert!(takes(back, "more") && takes(there, "dead"));
    assert!(!takes(back, "dead"));
}

#[test]
fn the_example_writes_out_the_defaults() {
    let (example, minimal) = (
        from_repository("example.toml"),
        from_repository("minimal.toml"),
    );
    let (written, default) = (&example.links[0], &minimal.links[0]);
    let figures = |link: &LinkConfig| {
        (
            (link.start, link.offsets, link.preserve, link.naming),
            (
                link.refresh_interval,
                link.group_sync_interval,
                link.request_timeout,
            ),
            (link.fetch_connections, link.produce_connections),
            (
                link.max_in_flight_bytes,
                link.fetch_max_bytes,
                link.partition_max_bytes,
                link.max_bytes_per_second,
                link.verify,
            ),
        )
    };
    assert_eq!(figures(written), figures(default));
    assert_eq!(example.checkpoint, minimal.checkpoint);
    assert_eq!(example.api, minimal.api);
    assert_eq!(example.log, minimal.log);
    let oslo = ClusterName::new("oslo");
    assert_eq!(example.clusters[&oslo], minimal.clusters[&oslo]);
    let paris = &example.clusters[&ClusterName::new("paris")];
    let advertised = HostPort::new("kafka-0.kafka.svc", 9092);
    let led = paris.address_map.lead(&advertised).unwrap();
    assert_eq!(led.to, HostPort::new("203.0.113.7", 31090));
    assert!(written.topics.matches(&"payments.eu".into()));
    assert!(!written.topics.matches(&"paymentsXeu".into()));
}

#[test]
fn values_are_taken_over() {
    let config = parse_with_clusters(
        r#"[links.l]
source = "paris"
target = "oslo"
topics = ["${SET}", ".*s"]
topics_exclude = ["orders"]
groups = []
start = "2026-01-31T08:00:00Z"
naming = "prefix"
offsets = "preserve"
preserve_max_prefix = 5
preserve_max_markers = 0
preserve_otherwise = "translate"
replication_factor = 3
max_in_flight_bytes = "4MiB"
max_bytes_per_second = "2MB"
verify_interval = "10m"
verify_max_bytes_per_second = "1MiB"
[log]
format = "json"
level = "debug"
[runtime]
worker_threads = 7
"#,
    )
    .unwrap();
    let link = &config.links[0];
    assert!(
        !link.topics.matches(&"orders".into()),
        "included, then excluded"
    );
    assert!(link.topics.matches(&"rome.refunds".into()));
    assert!(
        !link.topics.matches(&"oslo.refunds".into()),
        "with prefixes it came from the target"
    );
    assert!(!link.groups.matches(&"billing".into()));
    assert_eq!(link.start, Start::At(1_769_846_400_000));
    assert_eq!(
        link.mirror_topic(&"orders".into()),
        TopicName::new("paris.orders")
    );
    assert_eq!(link.offsets, OffsetsMode::Preserve);
    let limits = PreserveLimits {
        max_prefix: 5,
        max_markers: 0,
        otherwise: Otherwise::Translate,
    };
    assert_eq!(link.preserve, limits);
    assert_eq!(link.replication_factor, Some(3));
    assert_eq!(link.max_bytes_per_second, Some(2_000_000));
    let verify = VerifyConfig {
        interval: Some(Duration::from_secs(600)),
        max_bytes_per_second: 1 << 20,
    };
    assert_eq!(link.verify, verify);
    assert_eq!(
        link.fetch_max_bytes,
        4 << 20,
        "a default gives way to a lower limit"
    );
    assert_eq!(
        (config.log.format, config.log.level),
        (LogFormat::Json, LogLevel::Debug)
    );
    assert_eq!(config.runtime.worker_threads, 7);
}

#[test]
fn the_first_override_that_matches_wins_key_by_key_over_the_link() {
    let config = parse_with_clusters(
        r#"[links.l]
source = "paris"
target = "oslo"
topics = [".*"]
on_gap = "follow"
on_refused = "skip_with_receipt"
quarantine_topic = "refused"
[[links.l.overrides]]
topics = ["orders", "pay.*"]
on_gap = "halt"
on_foreign_write = "adopt"
on_corrupt = "skip_with_receipt"
[[links.l.overrides]]
topics = ["payments"]
on_truncate = "follow"
on_recreate = "follow"
on_target_truncate = "follow"
"#,
    )
    .unwrap();
    let link = &config.links[0];
    let of = |topic: &str| {
        let it = link.policies.of(&topic.into());
        [
            it.gap,
            it.recreate,
            it.truncate,
            it.foreign_write,
            it.refused,
            it.corrupt,
            it.target_truncate,
        ]
    };
    let [halt, follow] = [Policy::Halt, Policy::Follow];
    let skip = Policy::SkipWithReceipt;
    assert_eq!(
        of("payments"),
        [halt, halt, halt, Policy::Adopt, skip, skip, halt]
    );
    assert_eq!(of("payments"), of("orders"));
    assert_eq!(of("payers"), of("orders"));
    assert_eq!(of("others"), [follow, halt, halt, halt, skip, halt, halt]);
    assert_eq!(link.quarantine_topic, TopicName::new("refused"));
}

#[test]
fn links_that_cannot_be_seen_to_meet_are_accepted() {
    let orders = r#"topics = ["orders"]"#;
    let any = r#"topics = ["or.*"]"#;
    let prefixed = "topics = [\"or.*\"]\nnaming = \"prefix\"";
    let prefixed_all = "topics = [\".*\"]\nnaming = \"prefix\"";
    let without = |name: &str| format!("{any}\ntopics_exclude = [\"{name}\"]");
    let cases = [
        (
            ("paris", "oslo", prefixed_all),
            ("oslo", "paris", prefixed_all),
        ),
        (
            ("paris", "oslo", orders),
            ("rome", "oslo", r#"topics = ["invoices"]"#),
        ),
        (
            ("paris", "oslo", orders),
            ("rome", "oslo", &*without("orders")),
        ),
        (
            ("paris", "oslo", orders),
            ("oslo", "paris", &*without("orders")),
        ),
        (
            ("paris", "oslo", &without("ora.*")),
            ("rome", "oslo", &without("or[^a].*")),
        ),
        (("paris", "oslo", any), ("rome", "oslo", prefixed)),
        (("paris", "oslo", prefixed), ("rome", "oslo", prefixed)),
    ];
    let link = |name, (source, target, topics): (&str, &str, &str)| {
        format!("[links.{name}]\nsource = \"{source}\"\ntarget = \"{target}\"\n{topics}\n")
    };
    for (first, second) in cases {
        let rome = "[clusters.rome]\nbootstrap_servers = [\"r:1\"]\n";
        let file = format!("{rome}{}{}", link("a", first), link("b", second));
        let links = parse_with_clusters(&file).map(|config| config.links.len());
        assert_eq!(links, Ok(2), "{file}");
    }
}

#[test]
fn circles_that_cannot_be_decided_are_warnings() {
    let config = parse_with_clusters(
        "[links.a]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\"(a|b)*a(a|b){24}c\"]\n\
         [links.b]\nsource = \"oslo\"\ntarget = \"paris\"\ntopics = [\"(a|b)*b(a|b){23}d\"]\n",
    );
    let warnings: Vec<String> = config
        .unwrap()
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        warnings,
        [
            "9:8: links.b: the expressions are too complex to tell whether a topic would be mirrored in a circle: from oslo to paris by this link, and by link a (5:8: links.a) from paris to oslo; farshore check looks at the topics that exist"
        ]
    );
}

#[test]
fn the_interface_listens_beyond_this_machine_if_told_that_it_may() {
    let api = |lines: &str| {
        let config = parse_with_clusters(&format!("{LINK}[api]\nlisten = \"[::]:1\"\n{lines}"));
        config.unwrap_or_else(|problems| panic!("{problems:?}")).api
    };
    assert!(api("insecure = true").insecure);
    let proxied = api(r#"advertised_url = "https://farshore.example""#);
    assert_eq!(proxied.advertised_url, "https://farshore.example");
}

#[test]
fn the_token_is_beside_the_checkpoint_db_or_where_told() {
    let api = |lines: &str| {
        let lines = format!("{LINK}[checkpoint]\npath = \"/db\"\n[api]\n{lines}");
        let config = parse_with_clusters(&lines);
        config.unwrap_or_else(|problems| panic!("{problems:?}")).api
    };
    assert_eq!(api("").token_file, PathBuf::from("/db/api-token"));
    let told = api("token_file = \"/run/t\"\nopen = [\"metrics\"]\nhosts = [\"A.example\"]");
    assert_eq!(told.token_file, PathBuf::from("/run/t"));
    assert_eq!(
        (told.open, told.hosts),
        (vec![OpenPart::Metrics], vec!["a.example".to_owned()])
    );
}

#[test]
fn acls_are_left_alone_unless_the_link_says_otherwise_and_a_principal_has_a_type() {
    let plain = parse_with_clusters(LINK).unwrap();
    assert_eq!(plain.links[0].acls, AclRules::default());
    assert!(!plain.links[0].acls.sync && !plain.links[0].acls.guard);
    let keys = "sync_acls = true\nguard_mirrors = true\nacl_interval = \"10m\"\n";
    let cared_for = parse_with_clusters(&format!("{LINK}{keys}")).unwrap();
    let expected = AclRules {
        sync: true,
        guard: true,
        interval: Duration::from_secs(600),
    };
    assert_eq!(cared_for.links[0].acls, expected);
    for (written, known) in [
        ("alice", "User:alice"),
        ("User:CN=a", "User:CN=a"),
        ("CN=a:b", "User:CN=a:b"),
    ] {
        let key = format!("principal = \"{written}\"\n[clusters.oslo]");
        let file = format!("{CLUSTERS}{LINK}").replacen("[clusters.oslo]", &key, 1);
        let config = parse(&file, &|_| None).unwrap();
        let paris = &config.clusters[&ClusterName::new("paris")];
        assert_eq!(paris.principal.as_deref(), Some(known));
    }
}
