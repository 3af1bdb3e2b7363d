//! Clusters on which farshore has the rights that it is granted, and no others.

use serde_json::Value;

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

use super::LINK;

const JAAS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    user_farshore=\"s3cret\" user_alice=\"s3cret\" user_bob=\"s3cret\";";

/// What happens to a partition or a group without a right.
pub(super) enum Waits {
    /// A partition of a topic of the link at this address, with this code.
    Topic(&'static str, &'static str, &'static str),
    Group(&'static str),
    Nothing,
}

/// A broker that permits its own clients everything, and those that log in nothing.
fn guarded(port: &Port) -> Spec {
    Spec::new(KafkaVersion::V4_1)
        .login(&port.address(), "PLAIN", JAAS)
        .authorized()
}

/// Like [`guarded`], but permits everything on what has no ACL.
fn open(port: &Port) -> Spec {
    guarded(port).property("allow.everyone.if.no.acl.found", "true")
}

/// Both clusters, and the rights that farshore printed for each.
pub(super) struct Guarded {
    pub(super) setting: Setting,
    /// The addresses at which clients log in, of source and target.
    pub(super) logins: [String; 2],
    pub(super) printed: Vec<(&'static str, String)>,
}

impl Guarded {
    pub(super) async fn start(link: &str) -> Self {
        Self::between(guarded, link).await
    }

    /// Like [`Self::start`], on clusters that permit everything on what has no ACL.
    pub(super) async fn start_open(link: &str) -> Self {
        Self::between(open, link).await
    }

    async fn between(spec: fn(&Port) -> Spec, link: &str) -> Self {
        let ports = [Port::reserve(), Port::reserve()];
        let [paris, oslo] = ports.each_ref().map(spec);
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
        Self {
            logins: ports.each_ref().map(Port::address),
            setting,
            printed,
        }
    }

    fn cluster(&self, name: &str) -> &Cluster {
        match name {
            "paris" => &self.setting.paris,
            _ => &self.setting.oslo,
        }
    }

    /// Grants what a command grants.
    pub(super) async fn run(&self, cluster: &str, command: &str) {
        acls::grant(&self.cluster(cluster).bootstrap(), &Acl::all_of(command)).await;
    }

    /// Runs a command with Kafka's own tool, which reaches the broker on its other listener.
    pub(super) async fn run_by_tool(&self, cluster: &str, command: &str) {
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

    pub(super) async fn revoke(&self, right: (&str, &str, &str)) {
        let address = self.cluster(right.0).bootstrap();
        acls::revoke(&address, &[self.acl(right)]).await;
    }

    /// Waits until a topic of a link is mirrored, and compares it with its mirror as consumers of committed records see them.
    pub(super) async fn lives(&self, link: &str, topic: &str) {
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
    pub(super) async fn link_waits(&self, operation: &str, on: &str) -> String {
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
    pub(super) async fn told(&self, operation: &str, on: &str, waits: &Waits) -> Option<String> {
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
