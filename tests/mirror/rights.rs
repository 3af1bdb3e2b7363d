//! farshore with exactly the permissions that it prints, and with each of them taken away.

use serde_json::Value;

use crate::histories::write_transactions;
use crate::setting::{CATCH_UP, Setting};
use crate::support::acls::{self, Acl};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::compare;
use crate::support::farshore::paris_oslo_as;
use crate::support::java::{self, Tool};
use crate::support::ports::Port;
use crate::support::read::Isolation;
use crate::support::topics;
use crate::support::wait::eventually;

const JAAS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    user_farshore=\"s3cret\";";
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

/// What happens to a partition or a group without a right.
enum Waits {
    /// A partition of a topic of the link at this address, with this code.
    Topic(&'static str, &'static str, &'static str),
    Group(&'static str),
    Nothing,
}

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

/// A broker that permits its own clients everything, and those that log in nothing.
fn guarded(port: &Port) -> Spec {
    Spec::new(KafkaVersion::V4_1)
        .login(&port.address(), "PLAIN", JAAS)
        .property(
            "authorizer.class.name",
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        )
        .property("super.users", "User:ANONYMOUS")
}

/// Both clusters, and the rights that farshore printed for each.
struct Guarded {
    setting: Setting,
    printed: Vec<(&'static str, String)>,
}

impl Guarded {
    async fn start(link: &str) -> Self {
        let ports = [Port::reserve(), Port::reserve()];
        let [paris, oslo] = ports.each_ref().map(guarded);
        let setting = Setting::between(paris, oslo, link).await;
        let [paris, oslo] = ports.each_ref().map(|port| {
            format!(
                "bootstrap_servers = [\"{}\"]\nsecurity_protocol = \"SASL_PLAINTEXT\"\n\
                 sasl = {{ mechanism = \"PLAIN\", username = \"farshore\", password = \"s3cret\" }}\n",
                port.address()
            )
        });
        let config = paris_oslo_as(&paris, &oslo, &setting.path.configured(link));
        setting.farshore.configure(&config);
        let output = setting.farshore.cli(&["check", "--print-acls"]).await;
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        let mut printed = Vec::new();
        for line in text
            .lines()
            .filter(|line| line.starts_with("kafka-acls.sh "))
        {
            let of_paris = line.contains(&ports[0].address());
            printed.push((if of_paris { "paris" } else { "oslo" }, line.to_owned()));
        }
        Self { setting, printed }
    }

    fn cluster(&self, name: &str) -> &Cluster {
        match name {
            "paris" => &self.setting.paris,
            _ => &self.setting.oslo,
        }
    }

    /// Grants what a command grants.
    async fn run(&self, cluster: &str, command: &str) {
        acls::grant(&self.cluster(cluster).bootstrap(), &Acl::all_of(command)).await;
    }

    /// Runs a command with Kafka's own tool, which reaches the broker on its other listener.
    async fn run_by_tool(&self, cluster: &str, command: &str) {
        let cluster = self.cluster(cluster);
        let bootstrap = cluster.bootstrap();
        let words = command.split(' ').skip(3).map(|it| it.trim_matches('\''));
        let mut arguments = vec!["--bootstrap-server", bootstrap.as_str()];
        arguments.extend(words);
        java::run(cluster.version(), Tool::Acls, &arguments).await;
    }

    /// Finds the granted right in what was printed.
    fn acl(&self, (cluster, operation, on): (&str, &str, &str)) -> Acl {
        let lines = self.printed.iter().filter(|(of, _)| *of == cluster);
        let mut acls = lines.flat_map(|(_, line)| Acl::all_of(line));
        let found = acls.find(|acl| acl.is(operation, on));
        found.unwrap_or_else(|| panic!("no {operation} on {on} of {cluster}: {:?}", self.printed))
    }

    async fn revoke(&self, right: (&str, &str, &str)) {
        let address = self.cluster(right.0).bootstrap();
        acls::revoke(&address, &[self.acl(right)]).await;
    }

    /// Waits until a topic of a link is mirrored, and compares it with its mirror as consumers of committed records see them.
    async fn lives(&self, link: &str, topic: &str) {
        let (paris, oslo) = (
            self.setting.paris.bootstrap(),
            self.setting.oslo.bootstrap(),
        );
        let (_, end) = topics::watermarks(&paris, topic, 0).await;
        eventually(CATCH_UP, &format!("{topic} is mirrored"), async || {
            let path = format!("{link}/topics/{topic}");
            let shown = self.setting.farshore.get_json(&path).await?;
            let row = &shown["partitions"][0];
            let is_there = row["state"] == "live" && row["position"].as_i64() >= Some(end);
            is_there.then_some(()).ok_or(shown.to_string())
        })
        .await;
        let (source, target) = ((paris.as_str(), topic), (oslo.as_str(), topic));
        compare::all(source, target, 1, Isolation::Committed).await;
    }

    /// Waits until the link's detail has a command that grants the right, and returns it.
    async fn link_waits(&self, operation: &str, on: &str) -> String {
        eventually(
            CATCH_UP,
            &format!("the link needs {operation}"),
            async || {
                let link = self.setting.farshore.get_json(LINK).await?;
                command_in(&link, operation, on).ok_or(link.to_string())
            },
        )
        .await
    }

    /// Waits until what needs a right says so, and returns the command that grants it.
    async fn told(&self, operation: &str, on: &str, waits: &Waits) -> Option<String> {
        let farshore = &self.setting.farshore;
        let what = format!("without {operation} on {on}");
        match waits {
            Waits::Nothing => None,
            Waits::Topic(link, topic, code) => {
                let told = eventually(CATCH_UP, &what, async || {
                    let shown = farshore.get_json(&format!("{link}/topics/{topic}")).await?;
                    let rows = shown["partitions"].as_array().ok_or("no rows")?;
                    let halted = rows.iter().find(|row| row["reason"]["code"] == *code);
                    let command = halted.and_then(|row| command_in(row, operation, on));
                    command.ok_or(shown.to_string())
                });
                Some(told.await)
            }
            Waits::Group(group) => {
                let told = eventually(CATCH_UP, &what, async || {
                    let shown = farshore.get_json(&format!("{LINK}/groups/{group}")).await?;
                    let offsets = shown["partitions"].as_array().ok_or("no offsets")?;
                    let mut waiting = offsets.iter().filter(|it| it["state"] == "waiting");
                    let command = waiting.find_map(|it| command_in(it, operation, on));
                    command.ok_or(shown.to_string())
                });
                Some(told.await)
            }
        }
    }
}

/// The command in a message that grants an operation on a resource.
fn command_in(shown: &Value, operation: &str, on: &str) -> Option<String> {
    let text = shown.to_string();
    let texts = text.split("kafka-acls.sh ").skip(1);
    let mut commands =
        texts.map(|it| format!("kafka-acls.sh {}", it.split('"').next().unwrap_or_default()));
    commands.find(|command| {
        let acls = Acl::all_of(command);
        acls.len() == 1 && acls[0].is(operation, on)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn farshore_needs_exactly_the_rights_it_prints_and_waits_for_each_where_it_is_missing() {
    let quoted = |names: &[&str]| format!("{names:?}");
    let link = format!(
        "topics = {}\ngroups = {}\nrefresh_interval = \"1s\"\ngroup_sync_interval = \"300ms\"",
        quoted(&TOPICS),
        quoted(&GROUPS)
    ) + OTHERS;
    let mut guarded = Guarded::start(&link).await;
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

    // Without any right the link waits, and says for what.
    guarded.setting.farshore.start().await;
    guarded.link_waits("Create", JOURNAL).await;
    grant_all(&guarded).await;
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
    let setting = &guarded.setting;
    setting.mirrored("orders", 1).await;
    setting
        .farshore
        .carries_exactly("clerks", ("orders", 0), 25)
        .await;

    // The commands in the messages are all it takes.
    for (cluster, command) in &fixes {
        guarded.run(cluster, command).await;
    }
    for topic in TOPICS {
        let partitions = if topic == "ungrown" { 2 } else { 1 };
        setting.mirrored(topic, partitions).await;
        assert_eq!(setting.compare(topic, partitions).await, 30, "{topic}");
    }
    for group in GROUPS {
        setting
            .farshore
            .carries_exactly(group, ("orders", 0), 25)
            .await;
        assert_eq!(setting.committed(group, ("orders", 0)).await, 25, "{group}");
    }
    setting
        .farshore
        .carries_exactly("clerks", ("unproven", 0), 25)
        .await;
    guarded.lives(RECORDED, "recorded").await;
    guarded.lives(PRESERVED, "preserved").await;
    loses_the_journal(&guarded).await;
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
